# Runs the program given as arguments and ends it when standard input ends, which it does when the starting process dies, however
# it dies. A line on standard input is the name of a signal to send to the program. Prints the program's process id.
exec 3<&0
"$@" </dev/null 3<&- >&2 &
program=$!
echo "$program"
exec >/dev/null 2>&1
(
  while read -r signal; do kill -s "$signal" "$program"; done
  trap '' USR1
  kill -s KILL "$program"
) <&3 &
watcher=$!
wait "$program"
status=$?
# The watcher dies of this signal, unless input has ended: then it ends well, and what the program has started must die too.
# (Both are waited for, so that no zombie is left where the first process of a container does not collect them.)
kill -s USR1 "$watcher"
wait "$watcher" && kill -s KILL 0
exit "$status"
