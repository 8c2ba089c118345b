# Run in a clean Debian by `cargo xtask dist --try`: installs the package, starts what is in it as an ordinary user would, and removes it.
# $1: deb or rpm
set -eu

say() { echo "--- $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
wait_for() {
    for _ in $(seq 150); do
        if sh -c "$1" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    fail "in vain: $1"
}
as_user() { su ada -c "cd && $1"; }

install() {
    case $1 in
        deb)
            apt-get install -y -qq --no-install-recommends /root/*.deb >/dev/null
            dpkg -s causeway | grep -E '^(Package|Version|Depends):'
            ;;
        rpm)
            # Debian's own packages provide what it requires, which rpm doesn't know of.
            apt-get install -y -qq --no-install-recommends rpm $(cat /root/libraries) >/dev/null
            rpm -qp --requires /root/*.rpm
            rpm -i --nodeps /root/*.rpm
            ;;
    esac
}

remove() {
    case $1 in
        deb) apt-get purge -y -qq causeway >/dev/null ;;
        rpm) rpm -e --nodeps causeway ;;
    esac
    for file in $FILES; do [ ! -e "$file" ] || fail "$file is left over"; done
}

FILES="/usr/bin/causeway /usr/bin/causeway-agent /usr/bin/causeway-app /usr/share/applications/Causeway.desktop
/usr/share/icons/hicolor/32x32/apps/causeway-app.png /usr/share/icons/hicolor/128x128/apps/causeway-app.png"

say "installing the $1"
install "$1"
for file in $FILES; do [ -e "$file" ] || fail "$file isn't there"; done
! ldd /usr/bin/causeway-app /usr/bin/causeway /usr/bin/causeway-agent | grep "not found" || fail "libraries are missing"

# What a desktop has and no package of a program asks for, and what is looked with.
apt-get install -y -qq --no-install-recommends \
    xvfb dbus x11-apps x11-utils desktop-file-utils fonts-dejavu-core passwd procps >/dev/null
desktop-file-validate /usr/share/applications/Causeway.desktop
grep -E '^(Exec|Icon|Categories)=' /usr/share/applications/Causeway.desktop
id ada >/dev/null 2>&1 || useradd --create-home --shell /bin/sh ada

say "the command: a share from nothing to removed"
as_user 'mkdir -p web && echo hello >web/a && causeway share create ~/web && causeway share flush web'
as_user 'causeway share show web --json | grep -q "\"state\": *\"watching\""'
as_user 'causeway share remove web && causeway engine stop && rm -r web'

say "the app: its window, and the engine that it embeds"
Xvfb :7 -screen 0 1280x900x24 -nolisten tcp >/dev/null 2>&1 &
display=$!
wait_for "DISPLAY=:7 xwininfo -root"
as_user 'NO_AT_BRIDGE=1 DISPLAY=:7 exec dbus-run-session -- causeway-app' >/root/app.log 2>&1 &
wait_for "DISPLAY=:7 xwininfo -root -tree | grep -q '\"Causeway\"'"
wait_for "su ada -c 'causeway machine status --json' | grep -q '\"state\": *\"running\"'"
sleep 3
DISPLAY=:7 xwd -root -silent >"/root/$1.xwd"
as_user 'mkdir -p site && echo hello >site/a && causeway share create ~/site && causeway share remove site && rm -r site'
kill "$(pgrep -u ada -x causeway-app)"
wait_for "! pgrep -u ada -x causeway-app"
kill "$display"

say "removing the $1"
remove "$1"
say "the $1 installs, starts and leaves nothing behind"
