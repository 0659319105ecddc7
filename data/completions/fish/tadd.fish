# SPDX-License-Identifier: ISC
# fish completion for tadd

# Private keys in ~/.ssh: the first line tells, whatever the name.
function __tadd_private_keys
        for file in ~/.ssh/*
                test -f $file -a -r $file; or continue
                head -c 64 $file | string match -qr -- '^-----BEGIN.*PRIVATE KEY-----'; and echo $file
        end
end

# Public files in ~/.ssh whose keys the agent holds, if it holds any; all of them else.
function __tadd_public_keys
        set -l program (commandline -opc)[1]
        set -l held ($program -L 2>/dev/null); or set held
        for file in ~/.ssh/*.pub
                set -l key (string split ' ' <$file)[1..2]; or continue
                if test -z "$held"; or string match -q -- "$key*" $held
                        echo $file
                end
        end
end

complete -c tadd -s C -d 'Certificates only'
complete -c tadd -s D -d 'Remove all keys'
complete -c tadd -s E -x -a 'md5 sha256 sha512' -d 'Hash of fingerprints'
complete -c tadd -s L -d 'List public keys'
complete -c tadd -s N -d 'Keep certificates beyond their end'
complete -c tadd -s Q -d "List the agent's extensions"
complete -c tadd -s T -d 'Test that the agent signs with the keys of the public files'
complete -c tadd -s X -d 'Unlock the agent'
complete -c tadd -s c -d 'Confirm each use'
complete -c tadd -s d -d 'Remove the keys of the files'
complete -c tadd -s k -d 'Plain keys only, no certificates'
complete -c tadd -s l -l list -d 'List fingerprints'
complete -c tadd -s q -d 'Say less'
complete -c tadd -s t -l lifetime -x -a '10m 1h 8h 1d 1w' -d 'Forget after this long'
complete -c tadd -s v -d 'Say more'
complete -c tadd -s x -d 'Lock the agent with a passphrase'
complete -c tadd -l json -d 'With -l: one JSON document'
complete -c tadd -l help -d 'Print a summary of the options'
complete -c tadd -l version -d 'Print the version'
complete -c tadd -n 'not __fish_contains_opt -s d -s T' -a '(__tadd_private_keys)' -d 'Private key'
complete -c tadd -n '__fish_contains_opt -s d -s T' -a '(__tadd_public_keys)' -d 'Public key'
