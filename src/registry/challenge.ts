// Reads WWW-Authenticate. One header may hold several challenges, and several headers may come; commas within quotes are
// normal (`scope="repository:a:pull,push"`). Tolerant, never throws: what cannot be read is skipped. RFC 9110, 11.2 to 11.6.1.

/** One challenge. Scheme and parameter names are in lower case; of a repeated parameter the first one counts. */
export interface Challenge {
  readonly scheme: string;
  /** The other form, as in `NTLM TlRMTVNT==`. */
  readonly token68?: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses all values of the header, in order. */
export function parseChallenges(headers: readonly string[]): readonly Challenge[] {
  return headers.flatMap((header) => new Scanner(header).challenges());
}

/** The challenge to answer: Bearer, else Basic. undefined when there is neither (NTLM, Negotiate). */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges.find(({ scheme }) => scheme === 'basic');
}

const blanks = /[ \t]*/y;
const tokenGrammar = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
/** Only at the end of a challenge: else it is the name of a parameter. */
const token68Grammar = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
/** Some servers forget the quotes round a URL. */
const bareValueGrammar = /[^\s,]*/y;

/** A position in one header. */
class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  challenges(): readonly Challenge[] {
    const found: { scheme: string; token68?: string; parameters: Map<string, string> }[] = [];
    for (;;) {
      this.#skipSeparators();
      if (this.#position >= this.#text.length) return found;
      const word = this.#read(tokenGrammar);
      if (word === '') {
        this.#position += 1;
        continue;
      }
      const afterWord = this.#position;
      this.#read(blanks);
      if (this.#text[this.#position] === '=') {
        this.#position += 1;
        const value = this.#readValue();
        const parameters = found.at(-1)?.parameters;
        if (parameters?.has(word.toLowerCase()) === false) parameters.set(word.toLowerCase(), value);
        continue;
      }
      const token68 = this.#position > afterWord ? this.#read(token68Grammar) : '';
      found.push({ scheme: word.toLowerCase(), parameters: new Map(), ...(token68 === '' ? {} : { token68 }) });
    }
  }

  #readValue(): string {
    this.#read(blanks);
    if (this.#text[this.#position] !== '"') return this.#read(bareValueGrammar);
    let value = '';
    for (let position = this.#position + 1; position < this.#text.length; position += 1) {
      const character = this.#text.charAt(position);
      if (character === '"') {
        this.#position = position + 1;
        return value;
      }
      if (character === '\\') position += 1;
      value += this.#text.charAt(position);
    }
    this.#position = this.#text.length;
    return value;
  }

  #skipSeparators(): void {
    while (/[\s,]/.test(this.#text.charAt(this.#position))) this.#position += 1;
  }

  #read(grammar: RegExp): string {
    grammar.lastIndex = this.#position;
    const match = grammar.exec(this.#text)?.[0] ?? '';
    this.#position += match.length;
    return match;
  }
}
