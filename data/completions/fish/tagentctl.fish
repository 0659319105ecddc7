# SPDX-License-Identifier: ISC
# fish completion for tagentctl

complete -c tagentctl -f
complete -c tagentctl -a status -d 'What protects the keys'
complete -c tagentctl -l json -d 'Print JSON'
complete -c tagentctl -l help -d 'Print a summary of the options'
complete -c tagentctl -l version -d 'Print the version'
