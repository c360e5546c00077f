import { ProductError } from '@claw-cloud/contracts';
import { unknownAnswer } from '../http/answer.ts';
import { down, type Meaning, meanings, statusUrl } from './meanings.ts';

interface Origin {
  readonly vendorCode: string;
  readonly status?: number;
  readonly reference?: string | null;
}

function errorOf(meaning: Meaning, cause: Origin): ProductError {
  return new ProductError(meaning.code, meaning.message, meaning.fix, {
    ...(meaning.link === undefined ? {} : { link: meaning.link }),
    // For the log: the vendor's code is a word of a list, never a text of theirs.
    cause,
  });
}

/** The fields of the SDK's errors that are read. Their messages are not: they hold whose key it was and what was asked. */
interface SdkError {
  readonly name?: unknown;
  readonly Code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

const codeShape = /^[A-Za-z][A-Za-z0-9.]{2,79}$/;
const referenceShape = /^[A-Za-z0-9-]{1,100}$/;

/** AWS's code of an error of its SDK; null for an error that AWS didn't answer with. */
export function vendorCodeOf(error: unknown): string | null {
  const { name, Code, $metadata } = (error ?? {}) as SdkError;
  if ($metadata?.httpStatusCode === undefined) return null;
  const code = Code ?? name;
  return typeof code === 'string' && codeShape.test(code) ? code : null;
}

function byCode(code: string, cause: Origin): ProductError | null {
  const meaning = meanings[code];
  if (meaning) return errorOf(meaning, cause);
  if (/LimitExceeded$/.test(code)) return errorOf(meanings.VcpuLimitExceeded as Meaning, cause);
  return null;
}

/** The product's error for one of the SDK: what AWS answered, or that it didn't. */
export function answeredError(error: unknown): ProductError {
  if (error instanceof ProductError) return error;
  const code = vendorCodeOf(error);
  const { $metadata } = (error ?? {}) as SdkError;
  const status = $metadata?.httpStatusCode;
  if (code === null && status === undefined) {
    const { name, code: word } = (error ?? {}) as { name?: unknown; code?: unknown };
    return new ProductError(
      'cloud_unavailable',
      'AWS could not be reached.',
      `Check the network of the control plane and ${statusUrl}, then try again.`,
      { cause: { vendorCode: String(word ?? name).slice(0, 60) } },
    );
  }
  const said = $metadata?.requestId;
  const reference = said !== undefined && referenceShape.test(said) ? said : null;
  const cause = { vendorCode: code ?? `http_${status}`, status: status ?? 0, reference };
  const known = code === null ? null : byCode(code, cause);
  if (known) return known;
  if ((status ?? 0) >= 500) return errorOf(down, cause);
  return unknownAnswer(
    'AWS',
    { status: status ?? 0, body: undefined, headers: new Headers(), again: null, reference },
    code ?? undefined,
  );
}

/** What AWS answers, with errors in the product's words. */
export async function asked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw answeredError(error);
  }
}

/** What AWS answers, or null when it says by one of these codes that there is no such thing. */
export async function unlessCoded<T>(codes: RegExp, work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    const code = vendorCodeOf(error);
    if (code !== null && codes.test(code)) return null;
    throw answeredError(error);
  }
}

export const notFound = /\.NotFound$|^InvalidInstanceID\.Malformed$/;

/**
 * EC2 takes an order for a server and gives it up later, with a reason that begins with `Client.` or `Server.`; or it
 * never finishes. The engine then waited in vain.
 */
function stoppedWhileMade(text: string, reference: string | null): ProductError | null {
  const gaveUp =
    /unexpected state '(terminated|shutting-down|stopped|stopping)'|couldn't find resource \(\d+ retries\)/;
  if (gaveUp.test(text)) {
    const reason = /(?:Client|Server)\.([A-Za-z]{3,60})/.exec(text)?.[1];
    const known = reason === undefined ? null : byCode(reason, { vendorCode: reason, reference });
    return known && known.code !== 'cloud_unavailable'
      ? known
      : new ProductError(
          'cloud_unexpected',
          'AWS began to make the server and gave it up.',
          'Try again. If it happens again, choose another size or region.',
          { cause: { vendorCode: reason ?? 'terminated', reference } },
        );
  }
  return /timeout while waiting for (state|resource)/.test(text)
    ? errorOf(down, { vendorCode: 'timeout', reference })
    : null;
}

/**
 * The engine prints AWS's errors as `operation error EC2: RunInstances, https response error StatusCode: 403, RequestID:
 * …, api error UnauthorizedOperation: text` (aws-sdk-go-v2). The code is enough to say the same as without the engine;
 * the text, with its encoded authorization message, is left out. Null when the text holds no error of AWS.
 */
export function explainEngineText(text: string): ProductError | null {
  const said = [...text.matchAll(/api error ([A-Za-z][A-Za-z0-9.]{2,79}):/g)].map(([, code = '']) => code);
  const reference = /RequestID: ([A-Za-z0-9-]{8,100})/.exec(text)?.[1] ?? null;
  const operation = /operation error [A-Za-z0-9 ]{2,40}: ([A-Za-z]{3,60}),/.exec(text)?.[1];
  for (const code of said) {
    const known = byCode(code, { vendorCode: code, reference });
    if (known && known.code === 'credential_powerless' && operation !== undefined)
      return new ProductError(
        known.code,
        `The key or role may not do ${operation}.`,
        known.fix,
        known.options,
      );
    if (known) return known;
  }
  const stopped = stoppedWhileMade(text, reference);
  if (stopped) return stopped;
  const [unknown] = said;
  if (unknown !== undefined) {
    const answer = { status: 0, body: undefined, headers: new Headers(), again: null, reference };
    return unknownAnswer('AWS', answer, unknown);
  }
  if (/context deadline exceeded|connection refused|no such host|request send failed|EOF\b/.test(text))
    return errorOf(down, { vendorCode: 'transport' });
  return null;
}
