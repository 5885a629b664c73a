# SPDX-License-Identifier: Apache-2.0
# fish completion of wf: wf itself knows the candidates.
function __wf_complete
    set -l words (commandline -opc)
    set -e words[1]
    wf __complete $words (commandline -ct) 2>/dev/null
end
complete -c wf -a '(__wf_complete)'
