// What is said about the two kinds of image store, in one place.

/** How a daemon gets the containerd image store. */
export const containerdStoreHint =
  'enable the containerd image store in the daemon.json of the runner ("features": {"containerd-snapshotter": true})';
