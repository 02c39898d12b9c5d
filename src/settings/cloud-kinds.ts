// The readers of what clouds name things by.
import { bad, good, show, type Kind } from './reading.ts';

/** An AWS account. */
export const awsAccount: Kind<string> = {
  name: 'account',
  read(text, context) {
    const account = text.trim();
    return /^\d{12}$/.test(account)
      ? good(account)
      : bad(
          `${show(account, context)} is not an AWS account`,
          'must be twelve digits, in quotes when it begins with 0',
        );
  },
};
