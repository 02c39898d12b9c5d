// The readers of signing settings: the private key as text or path, and the options that drone-docker hands to cosign. No
// message shows text of a key; options are named without their values, which may be tokens.
import { parseBool } from './kinds.ts';
import { bad, good, type Kind, type Problem, type Reading } from './reading.ts';
import { repairLines } from './secret-kinds.ts';

/** Where the signing key is. */
export type SigningKeySource =
  { readonly kind: 'pem'; readonly pem: string } | { readonly kind: 'path'; readonly path: string };

/** What belongs into cosign_private_key. */
export const signingKeyRule =
  'must be a private key as PEM text, or the path of one (ECDSA, RSA, Ed25519 or made by cosign)';

/** PEM text or a path; what the key is shows when it is opened. */
export const signingKey: Kind<SigningKeySource> = {
  name: 'PEM or path',
  read(text, context) {
    const source = text.trim();
    if (!source.startsWith('-----BEGIN')) {
      return /^(?:[a-z0-9]+:\/\/|pkcs11:)/i.test(source)
        ? bad('keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported', signingKeyRule)
        : good({ kind: 'path', path: source });
    }
    context.redact(text);
    const pem = repairLines(text);
    context.redact(pem);
    return good({ kind: 'pem', pem });
  },
};

/** The options of cosign that mean something here. */
export interface SigningOptions {
  /** Signed along with the digest. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Sign the images of an index too. */
  readonly recursive: boolean;
  /** False: the author knows that nothing goes to a transparency log. */
  readonly transparencyLog: boolean;
}

export const noSigningOptions: SigningOptions = { annotations: new Map(), recursive: false, transparencyLog: true };

const optionsRule =
  'must hold nothing but -a/--annotations key=value, -r/--recursive, --tlog-upload=false and -y/--yes; the key is cosign_private_key';

/** Options of `cosign sign`, split at blanks; quotes group. */
export const signingOptions: Kind<SigningOptions> = {
  name: 'options of cosign',
  read(text) {
    const words = splitWords(text);
    return words === undefined ? bad('a quote is not closed', optionsRule) : readOptions(words);
  },
};

/** Words as a shell makes them of quotes and blanks; a backslash is text. undefined: a quote is open at the end. */
function splitWords(text: string): readonly string[] | undefined {
  const words = text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const rest = text.replace(/(?:[^\s"']|"[^"]*"|'[^']*')+/g, '').trim();
  if (rest !== '') return undefined;
  // -ry is -r -y.
  const single = words.flatMap((word) =>
    /^-[ry]{2,}$/.test(word)
      ? word
          .slice(1)
          .split('')
          .map((letter) => `-${letter}`)
      : [word],
  );
  return single.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

interface Option {
  /** `--annotations`. */
  readonly name: string;
  readonly value: string | undefined;
  /** Counted from 1. */
  readonly position: number;
}

const shortNames: ReadonlyMap<string, string> = new Map([
  ['-a', '--annotations'],
  ['-r', '--recursive'],
  ['-y', '--yes'],
]);

function readOptions(words: readonly string[]): Reading<SigningOptions> {
  const problems: Problem[] = [];
  const annotations = new Map<string, string>();
  const switches = new Map([
    ['--recursive', false],
    ['--tlog-upload', true],
    ['--yes', false],
  ]);
  for (const { name, value, position } of cutOptions(words)) {
    const refuse = (wrong: string): unknown => problems.push({ wrong, right: optionsRule });
    if (name === '--annotations') {
      const pairs = readAnnotations(value ?? '');
      if (pairs === undefined) refuse(`word ${position}: an annotation is not written key=value`);
      for (const [key, content] of pairs ?? []) annotations.set(key, content);
    } else if (switches.has(name)) {
      const state = value === undefined ? true : parseBool(value);
      if (state === undefined) refuse(`${name} is neither true nor false`);
      else switches.set(name, state);
    } else refuse(name === '' ? `word ${position} is no option` : `${name} is not supported`);
  }
  if (problems.length > 0) return { ok: false, problems, warnings: [] };
  return good({
    annotations,
    recursive: switches.get('--recursive') === true,
    transparencyLog: switches.get('--tlog-upload') !== false,
  });
}

/** Names with their values: `--name=value`, `-nvalue`, and for annotations also the next word. */
function cutOptions(words: readonly string[]): readonly Option[] {
  const options: Option[] = [];
  let isValue = false;
  for (const [index, word] of words.entries()) {
    const position = index + 1;
    const last = options.at(-1);
    if (isValue && last !== undefined) {
      // The value of an option that is not known is passed over: it may be a token.
      if (last.name === '--annotations') options.splice(-1, 1, { ...last, value: word });
      isValue = false;
      continue;
    }
    const { name, value } = cutOption(word);
    options.push({ name, value, position });
    const isSwitch = ['--recursive', '--tlog-upload', '--yes', ''].includes(name);
    const next = words[index + 1];
    isValue = value === undefined && !isSwitch && (name === '--annotations' || next?.startsWith('-') === false);
  }
  return options;
}

function cutOption(word: string): { readonly name: string; readonly value: string | undefined } {
  const long = /^(--[a-z][a-z0-9-]*)(?:=([^]*))?$/i.exec(word);
  if (long !== null) return { name: long[1] ?? '', value: long[2] };
  const short = /^(-[a-z])(?:=?([^]+))?$/i.exec(word);
  if (short === null) return { name: '', value: undefined };
  const letter = short[1] ?? '';
  return { name: shortNames.get(letter) ?? letter, value: short[2] };
}

/** `a=1,b=2`, as cosign splits it. undefined: one of them has not exactly one "=", which cosign could not check. */
function readAnnotations(text: string): readonly (readonly [string, string])[] | undefined {
  const pairs = text.split(',').map((pair) => pair.split('='));
  if (pairs.some(([key, , ...more], index) => !key || pairs[index]?.length !== 2 || more.length > 0)) return undefined;
  return pairs.map(([key = '', value = '']) => [key, value] as const);
}
