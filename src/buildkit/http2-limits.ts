// The HTTP/2 options that both our ends need. Node's defaults are for web servers; the daemon sends one header for each
// pattern of an ignore file, and megabytes of files. https://nodejs.org/api/http2.html

/** A `.dockerignore` becomes one header a line; Node's default of 128 fails a file of 300 lines. */
const maxHeaderListPairs = 1_000_000;

/** The largest value; the default of 64 KiB is too small for the same reason. nghttp2 has its own limit below this. */
const maxHeaderListSize = 2 ** 31 - 1;

/** Megabytes that one session may use; a burst of headers counts. It is a limit, nothing is allocated. */
const maxSessionMemory = 1000;

/** Flow control of one stream: a file of some megabytes goes without waiting for an answer. */
const initialWindowSize = 4 * 1024 * 1024;

/** Flow control of the whole connection, set once it is up. */
export const connectionWindowBytes = 16 * 1024 * 1024;

/** Fewer, larger frames. */
const maxFrameSize = 1024 * 1024;

/** The daemon opens a stream for each folder, secret and ssh connection of parallel steps. */
const maxConcurrentStreams = 1000;

/** Options of our HTTP/2 client, where we call the daemon. */
export const clientLimits = {
  maxHeaderListPairs,
  maxSessionMemory,
  settings: { maxHeaderListSize, initialWindowSize, maxFrameSize, enablePush: false },
} as const;

/** Options of our HTTP/2 server, where the daemon calls us. */
export const serverLimits = {
  maxHeaderListPairs,
  maxSessionMemory,
  settings: { maxHeaderListSize, initialWindowSize, maxFrameSize, maxConcurrentStreams },
} as const;
