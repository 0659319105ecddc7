# man/: checked by tests/check-man.sh, their examples by tests/system/man-examples.sh.
dist_man_MANS += man/tadd.1 man/tagent.1 man/tagentctl.1 man/tkeygen.1 man/tagent-protocol.7 man/tagent-keeper.8 man/tagent-unlocker.8
