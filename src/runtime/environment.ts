/**
 * The environment of the runtime's commands. A runtime finds a container again by its root, and by default takes that
 * from the environment: runc and crun from XDG_RUNTIME_DIR. So the value at `create` is recorded and used ever after.
 */

/** The variables that decide where a runtime keeps its state. */
const ROOT_VARIABLES = ['XDG_RUNTIME_DIR'] as const;

/** What is recorded in state.json when a container is made. */
export function recordedEnv(): Record<string, string> {
  return Object.fromEntries(
    ROOT_VARIABLES.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/**
 * The environment for the runtime of a container, and for its shim, which calls the runtime too.
 * @param recorded what state.json has; undefined if another program wrote that: then this program's own counts.
 */
export function runtimeEnvironment(recorded: Record<string, string> | undefined): NodeJS.ProcessEnv {
  if (recorded === undefined) return process.env;
  const env = { ...process.env };
  for (const name of ROOT_VARIABLES) env[name] = recorded[name];
  return env;
}
