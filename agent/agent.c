/* SPDX-License-Identifier: ISC */
/*
 * The running agent: its parts are made here in the order in which they need each other, and freed
 * in the opposite one. How a process becomes an agent (options, signals, the socket's path) is
 * main.c's business.
 */
#include "agent/agent.h"

#include <sodium.h>

#include "agent/launcher.h"
#include "agent/prompter.h"
#include "agent/server.h"
#include "lib/evp.h"

#define EXPIRY_CHECK_MS 60000 /* at the latest */

void agent_forget_all(Agent *agent) {
        keyring_clear(agent->keyring);
        keepers_drop_all(agent->keepers);
}

static void expiry_due(void *data) {
        agent_expire(data);
}

void agent_expire(Agent *agent) {
        uint64_t now = loop_now_ms(), next = keyring_expire(agent->keyring, now), wait;

        if (!next || (agent->expiry.set && agent->expiry.due_ms <= next))
                return;
        wait = next - now;
        loop_after(agent->loop, &agent->expiry,
                   wait > EXPIRY_CHECK_MS ? EXPIRY_CHECK_MS : (unsigned)wait);
}

static void keepers_lost(void *data) {
        Agent *agent = data;

        keyring_clear(agent->keyring);
        agent->locked = false;
}

int agent_start(Agent *agent, int listener) {
        int err;

        agent->expiry = (Timer){.fire = expiry_due, .data = agent};
        agent->launcher = launcher_start();
        if (agent->launcher < 0)
                return agent->launcher;
        if (ta_crypto_start() < 0 || sodium_init() < 0)
                return TA_E_CRYPTO;
        err = loop_new(&agent->loop);
        if (!err)
                err = keyring_new(&agent->keyring);
        if (!err)
                err = keepers_new(agent->loop, agent->launcher, 0, keepers_lost, agent,
                                  &agent->keepers);
        if (!err)
                err = prompter_new(agent->loop, agent->launcher, &agent->prompter);
        if (!err)
                err = server_new(agent, listener, &agent->server);
        return err;
}

void agent_stop(Agent *agent) {
        server_free(agent->server);
        prompter_free(agent->prompter);
        keepers_free(agent->keepers);
        keyring_free(agent->keyring);
        loop_cancel(agent->loop, &agent->expiry);
        loop_cancel(agent->loop, &agent->unlock.delay);
        loop_free(agent->loop);
        ta_closep(&agent->launcher);
}
