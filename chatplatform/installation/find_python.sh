#!/bin/sh
# Prints the path of a Python that the platform runs on (3.11 to 3.13, with venv), or says how to get one.
# PYTHON=/path/to/python chooses one. Written for any shell, and its check for any Python since 2.7.
check='import sys
ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
if ok:
    import ensurepip, venv
    print(sys.executable)
sys.exit(0 if ok else 3)'
found=""
without_venv=""
for candidate in ${PYTHON:-.venv/bin/python python3 python3.13 python3.12 python3.11 python}; do
    path=$("$candidate" -c "$check" 2>/dev/null)
    case $? in
        0) echo "$path"; exit 0 ;;
        1) without_venv="$without_venv $candidate" ;;
    esac
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) &&
        found="$found $candidate is $version;"
done
{
    if [ -n "$without_venv" ]; then
        echo "Cause: Python is here ($without_venv ), but its venv module is not."
        echo "Cure:  on Debian and Ubuntu: sudo apt-get install python3-venv python3-dev"
    else
        echo "Cause: the platform needs Python 3.11, 3.12 or 3.13.${found:+ Found:$found}"
        echo "Cure:  install one (Debian and Ubuntu: sudo apt-get install python3 python3-venv; macOS: brew install"
        echo "       python@3.12), or name one: make run PYTHON=/path/to/python3.12"
    fi
} >&2
exit 1
