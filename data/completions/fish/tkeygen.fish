# SPDX-License-Identifier: ISC
# fish completion for tkeygen

function __tkeygen_keys
        set -l files ~/.ssh/id_* ~/.ssh/*.pub
        printf '%s\n' $files
end

complete -c tkeygen -f
complete -c tkeygen -s B -d 'Print the bubblebabble digest'
complete -c tkeygen -s C -x -d 'Comment'
complete -c tkeygen -s E -x -a 'md5 sha256 sha512' -d 'Hash of the fingerprint'
complete -c tkeygen -s N -x -d 'The new passphrase'
complete -c tkeygen -s P -x -d 'The old passphrase'
complete -c tkeygen -s Z -x -d 'Cipher of the private key file' -a '3des-cbc aes128-cbc aes192-cbc
        aes256-cbc aes128-ctr aes192-ctr aes256-ctr aes128-gcm@openssh.com aes256-gcm@openssh.com
        chacha20-poly1305@openssh.com'
complete -c tkeygen -s a -x -a '24 48 96' -d 'Rounds of the key derivation'
complete -c tkeygen -s b -x -a '256 384 521 3072 4096' -d 'Size of the new key'
complete -c tkeygen -s c -d 'Change the comment of a file'
complete -c tkeygen -s e -d 'Print the public key in another format'
complete -c tkeygen -s f -r -F -a '(__tkeygen_keys)' -d 'The file of the key'
complete -c tkeygen -s i -d 'Read a public key in another format'
complete -c tkeygen -s l -d 'Print the fingerprints of a file'
complete -c tkeygen -s m -x -a 'PEM PKCS8 RFC4716' -d Format
complete -c tkeygen -s p -d 'Change the passphrase of a file'
complete -c tkeygen -s q -d 'Say less'
complete -c tkeygen -s t -x -a 'ecdsa ed25519 rsa' -d 'Type of the new key'
complete -c tkeygen -s v -d 'With -l: the picture too'
complete -c tkeygen -s y -d 'Print the public key of a private key file'
complete -c tkeygen -l help -d 'Print a summary of the options'
complete -c tkeygen -l version -d 'Print the version'
