# data/: completions, where each shell looks for them (configure --with-bash-completion-dir ...).
if BASH_COMPLETION
dist_bashcompletion_DATA = data/completions/bash/tadd data/completions/bash/tagent \
	data/completions/bash/tagentctl data/completions/bash/tkeygen
endif
if ZSH_COMPLETION
dist_zshcompletion_DATA = data/completions/zsh/_tadd data/completions/zsh/_tagent \
	data/completions/zsh/_tagentctl data/completions/zsh/_tkeygen
endif
if FISH_COMPLETION
dist_fishcompletion_DATA = data/completions/fish/tadd.fish data/completions/fish/tagent.fish \
	data/completions/fish/tagentctl.fish data/completions/fish/tkeygen.fish
endif
