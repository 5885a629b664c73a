# SPDX-License-Identifier: Apache-2.0
# bash completion of wf: wf itself knows the candidates.
_wf()
{
	local IFS=$'\n'
	# shellcheck disable=SC2207  # one candidate per line
	COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _wf wf
