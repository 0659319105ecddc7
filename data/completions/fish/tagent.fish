# SPDX-License-Identifier: ISC
# fish completion for tagent

complete -c tagent -x -a '(__fish_complete_subcommand)'
complete -c tagent -s D -d 'Stay in the foreground'
complete -c tagent -s E -x -a 'md5 sha256 sha512' -d 'Fingerprint hash in prompts'
complete -c tagent -s O -x -a 'allow-remote-pkcs11 no-restrict-websafe websafe-allow=' \
        -d 'Accepted for compatibility'
complete -c tagent -s P -x -d 'Accepted for compatibility'
complete -c tagent -s T -d 'Start a new private agent'
complete -c tagent -s U -d 'Do not remove stale sockets at start'
complete -c tagent -s V -d 'Print the version on standard error'
complete -c tagent -s a -r -F -d 'Listen at this path'
complete -c tagent -s c -d 'Print commands for csh'
complete -c tagent -s d -d 'Stay in the foreground and tell what happens'
complete -c tagent -s k -d 'End the agent named by SSH_AGENT_PID'
complete -c tagent -s s -d 'Print commands for sh'
complete -c tagent -s t -x -a '10m 1h 8h 1d 1w' -d 'Default lifetime of keys'
complete -c tagent -s u -d 'Remove stale sockets and exit'
complete -c tagent -l fish -d 'Print commands for fish'
complete -c tagent -l require-level -x -a '0 1 2 3' -d 'Do not start below this protection level'
complete -c tagent -l help -d 'Print a summary of the options'
complete -c tagent -l version -d 'Print the version'
