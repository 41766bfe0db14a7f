# Read by bin/up, bin/test and bin/bench, not run: makes .venv as requirements/NAME.txt says.

venv=.venv
locks=requirements # the folder of NAME.txt

fail() {
    echo "$1" >&2
    exit 1
}

# Prints the first Python on the PATH that is new enough.
find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -ISc 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# What $venv holds when $locks/$1.txt was installed by the Python $2 in this folder.
stamp_of() {
    version=$("$2" -ISc 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$(cksum < "$locks/$1.txt") $version $PWD"
}

# Installs $locks/$1.txt into $venv, unless that was done already from the same lock, with
# the same Python, in the same folder (a venv that was moved does not work).
set_up() {
    python=$(find_python) ||
        fail "Bellhop needs Python 3.11 or newer, and none is on the PATH. Install it (Debian, Ubuntu: apt install python3 python3-venv)."
    stamp=$(stamp_of "$1" "$python")
    if [ -f "$venv/$1.stamp" ] && [ "$(cat "$venv/$1.stamp")" = "$stamp" ]; then
        return
    fi
    "$python" -Ic 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module. Install it (Debian, Ubuntu: apt install python3-venv)."
    made=${stamp#* * } # without the checksum
    if [ "$(cat "$venv/made.stamp" 2>/dev/null)" != "$made" ]; then
        echo "Making $venv ..."
        "$python" -m venv --clear "$venv"
        echo "$made" > "$venv/made.stamp"
    fi
    echo "Installing $locks/$1.txt into $venv (a minute, the first time) ..."
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes \
        -r "$locks/$1.txt" ||
        fail "Could not install $locks/$1.txt; pip says why above. The first time needs the network."
    echo "$stamp" > "$venv/$1.stamp"
    if [ "$1" = test ]; then # local.txt is part of it: bin/up needs no network after bin/test
        stamp_of local "$python" > "$venv/local.stamp"
    fi
}
