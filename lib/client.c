/* SPDX-License-Identifier: ISC */
/*
 * One request, one answer, in order. Once that order is lost (a failed write, a broken answer, a
 * hang-up) nothing that comes later could be told from an answer to something else, so the
 * connection is given up for good: every later call is -EPIPE.
 */
#include "lib/client.h"

#include <endian.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/allsecret.h"

struct TaClient {
        int fd; /* -1 once given up */
        TaSecret *request;
        uint8_t *answer; /* plain heap: no answer of the protocol holds a secret */
        bool asked_info;
        TaInfo info; /* no views but of `seal_keys`; none: the agent takes nothing sealed */
        uint8_t seal_keys[TA_SEAL_KEYS_MAX][TA_SEAL_KEY_LEN];
};

/* Where locked memory is scarce, a smaller buffer still serves everything but huge keys. */
static int request_buffer(TaSecret **ret) {
        for (size_t cap = TA_MSG_MAX;; cap /= 4) {
                int err = ta_secret_new(cap, ret);

                if (!err || cap <= 16 * 1024)
                        return err;
        }
}

static int connect_to(int fd, const struct sockaddr_un *address) {
        while (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
                if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

int ta_client_connect(const char *path, TaClient **ret) {
        ta_cleanup(ta_client_freep) TaClient *client = NULL;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int err;

        if (!path)
                path = getenv("SSH_AUTH_SOCK");
        if (!path || !*path)
                return TA_E_NO_AGENT;
        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));

        client = calloc(1, sizeof *client);
        if (!client)
                return -ENOMEM;
        client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client->fd < 0)
                return -errno;
        err = connect_to(client->fd, &address);
        if (err)
                return err;
        err = request_buffer(&client->request);
        if (err)
                return err;
        *ret = ta_steal(&client);
        return 0;
}

void ta_client_free(TaClient *client) {
        if (!client)
                return;
        ta_closep(&client->fd);
        ta_secret_drop(client->request);
        free(client->answer);
        free(client);
}

void ta_client_freep(TaClient **client) {
        ta_client_free(*client);
}

TaWriter ta_client_writer(TaClient *client) {
        return ta_writer(client->request->data, client->request->cap);
}

static int send_all(int fd, TaBytes request) {
        uint32_t len = htobe32((uint32_t)request.len);
        struct iovec parts[] = {
                {&len, sizeof len},
                {(void *)(uintptr_t)request.data, request.len},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

        while (message.msg_iovlen > 0) {
                ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == ECONNRESET ? -EPIPE : -errno;
                while (message.msg_iovlen > 0 && (size_t)n >= message.msg_iov->iov_len) {
                        n -= (ssize_t)message.msg_iov->iov_len;
                        message.msg_iov++;
                        message.msg_iovlen--;
                }
                if (message.msg_iovlen > 0) {
                        message.msg_iov->iov_base = (uint8_t *)message.msg_iov->iov_base + n;
                        message.msg_iov->iov_len -= (size_t)n;
                }
        }
        return 0;
}

static int receive_all(int fd, void *buffer, size_t len) {
        uint8_t *p = buffer;

        while (len > 0) {
                ssize_t n = recv(fd, p, len, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == ECONNRESET ? -EPIPE : -errno;
                if (n == 0)
                        return -EPIPE;
                p += n;
                len -= (size_t)n;
        }
        return 0;
}

static int exchange(TaClient *client, TaBytes request, TaBytes *ret_answer) {
        uint32_t len;
        uint8_t *answer;
        int err;

        err = send_all(client->fd, request);
        if (err)
                return err;
        err = receive_all(client->fd, &len, sizeof len);
        if (err)
                return err;
        len = be32toh(len);
        if (len == 0 || len > TA_MSG_MAX)
                return TA_E_PROTOCOL;
        answer = malloc(len);
        if (!answer)
                return -ENOMEM;
        free(client->answer);
        client->answer = answer;
        err = receive_all(client->fd, answer, len);
        if (err)
                return err;
        *ret_answer = (TaBytes){answer, len};
        return 0;
}

int ta_client_ask(TaClient *client, TaBytes request, TaBytes *ret_answer) {
        int err;

        if (request.len == 0 || request.len > TA_MSG_MAX)
                return TA_E_LIMIT;
        if (client->fd < 0)
                return -EPIPE;
        ta_registers_clear(); /* of what was copied into the request: the answer may take long */
        err = exchange(client, request, ret_answer);
        if (err)
                ta_closep(&client->fd);
        return err;
}

/* Asks what was built in the client's buffer, and leaves nothing of it there. */
static int ask_written(TaClient *client, const TaWriter *w, TaBytes *ret_answer) {
        int err = w->err ? w->err : ta_client_ask(client, ta_written(w), ret_answer);

        ta_wipe(client->request->data, w->len);
        return err;
}

static int ask_status(TaClient *client, const TaWriter *w) {
        TaBytes answer;
        int err = ask_written(client, w, &answer);

        return err ? err : ta_status_read(answer);
}

int ta_client_info(TaClient *client, TaInfo *ret) {
        TaWriter w = ta_client_writer(client);
        TaBytes answer;
        int err;

        ta_extension_begin(&w, TA_EXT_INFO);
        err = ask_written(client, &w, &answer);
        if (!err)
                err = ta_status_read(answer) == TA_E_REFUSED ? TA_E_REFUSED : 0;
        return err ? err : ta_info_read(answer, ret);
}

/* Which keys to seal to; none if it is another agent, whatever that makes of the question. */
static int learn_seal_keys(TaClient *client) {
        TaInfo info = {0};
        int err = ta_client_info(client, &info);

        if (err && client->fd < 0)
                return err;
        if (err)
                info = (TaInfo){0};
        client->asked_info = true;
        client->info = (TaInfo){.n_seal_keys = info.n_seal_keys};
        for (uint32_t i = 0; i < info.n_seal_keys; i++) {
                memcpy(client->seal_keys[i], info.seal_keys[i].data, TA_SEAL_KEY_LEN);
                client->info.seal_keys[i] = (TaBytes){client->seal_keys[i], TA_SEAL_KEY_LEN};
        }
        return 0;
}

/* The body of an ADD, sealed to each keeper. The whole request is no secret. */
static int ask_sealed(TaClient *client, TaBytes body) {
        size_t cap = 64 + client->info.n_seal_keys * (body.len + 128);
        ta_cleanup(ta_freep) uint8_t *request = malloc(cap);
        TaWriter w = ta_writer(request, cap);
        TaBytes answer;
        int err;

        if (!request)
                return -ENOMEM;
        ta_add_sealed_write(&w, body, &client->info);
        err = w.err ? w.err : ta_client_ask(client, ta_written(&w), &answer);
        return err ? err : ta_status_read(answer);
}

int ta_client_add(TaClient *client, const TaKey *key, TaBytes comment,
                  const TaConstraints *constraints) {
        TaWriter w;
        int err = 0;

        if (!client->asked_info)
                err = learn_seal_keys(client);
        if (err)
                return err;
        w = ta_client_writer(client);
        ta_add_write(&w, key, comment, constraints);
        if (w.err || client->info.n_seal_keys == 0)
                return ask_status(client, &w);
        err = ask_sealed(client, (TaBytes){w.data + 1, w.len - 1});
        if (err == TA_E_LIMIT) /* so many boxes of such a size do not fit into one request */
                return ask_status(client, &w);
        ta_wipe(w.data, w.len);
        client->asked_info = !err; /* keepers that were started anew have other keys */
        return err;
}

int ta_client_list(TaClient *client, TaIdentity **ret, size_t *ret_n) {
        ta_cleanup(ta_freep) TaIdentity *list = NULL;
        TaWriter w = ta_client_writer(client);
        TaReader r;
        TaBytes answer;
        uint32_t n = 0;
        int err;

        ta_write_u8(&w, SSH_AGENTC_REQUEST_IDENTITIES);
        err = ask_written(client, &w, &answer);
        if (err)
                return err;
        err = ta_identities_read(answer, &r, &n);
        if (err)
                return err;
        list = calloc((size_t)n + 1, sizeof *list);
        if (!list)
                return -ENOMEM;
        for (uint32_t i = 0; i < n && !r.err; i++)
                list[i] = ta_identities_next(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = ta_steal(&list);
        *ret_n = n;
        return 0;
}

int ta_client_sign(TaClient *client, TaBytes key, TaBytes data, uint32_t flags,
                   TaBytes *ret_signature) {
        TaWriter w = ta_client_writer(client);
        TaBytes answer;
        int err;

        ta_sign_request_write(&w, &(TaSignRequest){.key = key, .data = data, .flags = flags});
        err = ask_written(client, &w, &answer);
        return err ? err : ta_sign_response_read(answer, ret_signature);
}

int ta_client_remove(TaClient *client, TaBytes key) {
        TaWriter w = ta_client_writer(client);

        ta_remove_write(&w, key);
        return ask_status(client, &w);
}

int ta_client_remove_all(TaClient *client) {
        TaWriter w = ta_client_writer(client);

        ta_write_u8(&w, SSH_AGENTC_REMOVE_ALL_IDENTITIES);
        return ask_status(client, &w);
}

int ta_client_lock(TaClient *client, bool lock, TaBytes passphrase) {
        TaWriter w = ta_client_writer(client);

        ta_lock_write(&w, lock, passphrase);
        return ask_status(client, &w);
}

int ta_client_query(TaClient *client, TaReader *ret_names) {
        TaWriter w = ta_client_writer(client);
        TaBytes answer;
        int err;

        ta_extension_begin(&w, TA_EXT_QUERY);
        err = ask_written(client, &w, &answer);
        return err ? err : ta_query_response_read(answer, ret_names);
}
