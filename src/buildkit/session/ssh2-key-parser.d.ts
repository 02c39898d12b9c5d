// Types for the one file of ssh2 that is loaded: its reader of OpenSSH's private key format. The package's entry would
// load a whole SSH client and server with it.
declare module 'ssh2/lib/protocol/keyParser.js' {
  import type { ParsedKey } from 'ssh2';

  const keyParser: {
    /** An empty key file gives undefined; what cannot be read is returned as an Error. */
    parseKey(text: string): ParsedKey | Error | undefined;
  };
  export default keyParser;
}
