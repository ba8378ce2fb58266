# Ends what a host leaves behind when it dies. Standard input is the host's: it
# says what there is to end, and its end says that the host is gone.
#
#   + group NUMBER TWENTIETHS     a plugin's process group, and how long it may
#                                 take to end by itself, in twentieths of a second
#   + directory PATH              a plugin's socket directory
#   - …                           the same text again: nothing to do any more
trap '' HUP INT QUIT TERM USR1 USR2

while read -r sign entry; do
  if [ "$sign" = + ]; then
    set -- "$@" "$entry"
    continue
  fi
  left=$#
  while [ "$left" -gt 0 ]; do
    [ "$1" = "$entry" ] || set -- "$@" "$1"
    shift
    left=$((left - 1))
  done
done

end() {
  kill -s TERM -- "-$1"
  # A stopped process could not act on it.
  kill -s CONT -- "-$1"
  left=$2
  while [ "$left" -gt 0 ] && kill -s 0 -- "-$1"; do
    sleep 0.05
    left=$((left - 1))
  done
  kill -s KILL -- "-$1"
}

for entry; do
  case $entry in 'group '*) end ${entry#group } & ;; esac
done
# Nobody can call the plugins any more, so their sockets need not wait for them.
for entry; do
  case $entry in 'directory '*) rm -rf -- "${entry#directory }" ;; esac
done
wait
