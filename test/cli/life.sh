# A whole life of jobs, as a script that a person would write: `sh -e`, with `outlive` in PATH and OUTLIVE_ROOT set.

test "$(outlive ps -q)" = ''

# In the background; by its name it is found from here on.
outlive run -d --name web --label team=web -- sh -c 'echo up; trap "echo bye; exit 5" TERM; while :; do sleep 0.1; done' >id
test "$(cat id)" = web
test "$(outlive ps -q --filter label=team=web --filter state=running)" = web
outlive kill -s 0 web >/dev/null

# The name is taken.
outlive run -d --name web -- true 2>err && exit 1 || test $? -eq 125
grep -q web err

# Another process in it.
test "$(outlive exec web -- echo inside)" = inside

# Its output, while it runs.
outlive logs web | grep -q '^up$'

outlive pause web
test "$(outlive ps -q --filter state=paused)" = web
outlive resume web
outlive stats web | grep -q '^web '
outlive inspect web | grep -q '"state": "running"'

# It can't be removed while it runs.
outlive rm web 2>err && exit 1 || test $? -eq 125

outlive stop -t 10 web
outlive wait web && exit 1 || test $? -eq 5
test "$(outlive ps -q)" = ''
outlive logs web | grep -q '^bye$'
outlive rm web
outlive kill web 2>err && exit 1 || test $? -eq 125
test "$(wc -l <err)" -eq 1

# In the foreground: the process's own exit code; what can't be run is told by its code.
outlive run --rm -- sh -c 'exit 7' && exit 1 || test $? -eq 7
outlive run --rm -- /no/such/program 2>err && exit 1 || test $? -eq 127
outlive run --rm -- / 2>err && exit 1 || test $? -eq 126

# Several at once; one that does not exist stops no other.
for id in a b c; do outlive run -d --name "$id" -- sleep 1000; done
outlive kill a nope b c 2>err && exit 1 || test $? -eq 125
for id in a b c; do outlive wait "$id" && exit 1 || test $? -eq 137; done
outlive ps -q --filter state=stopped | xargs outlive rm

test "$(outlive ps -aq)" = ''
test "$(outlive clean --dry-run)" = ''
outlive doctor >/dev/null
echo done
