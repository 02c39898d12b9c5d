// Where a daemon's socket is when nobody says: the places that Docker's own tools and its rootless mode use.

/** @param runtimeDirectory the user's `XDG_RUNTIME_DIR`, where a rootless daemon listens */
export function usualSockets(runtimeDirectory: string | undefined): readonly string[] {
  const sockets = ['/var/run/docker.sock', '/run/docker.sock'];
  return runtimeDirectory === undefined || runtimeDirectory === ''
    ? sockets
    : [...sockets, `${runtimeDirectory}/docker.sock`];
}
