/** Every failure this package reports. The list is closed: callers may switch over it. */
export type CryptoErrorCode =
  | 'crypto_not_ready'
  | 'input_invalid'
  | 'encoding_invalid'
  | 'secret_wiped'
  | 'sealed_box_malformed'
  | 'sealed_box_tampered'
  | 'sealed_key_unknown'
  | 'sealed_context_mismatch'
  | 'sealed_payload_too_large'
  | 'envelope_malformed'
  | 'envelope_version_unknown'
  | 'envelope_context_mismatch'
  | 'envelope_plaintext_too_large'
  | 'kek_unknown'
  | 'backup_malformed'
  | 'backup_version_unknown'
  | 'backup_key_unknown'
  | 'backup_tampered'
  | 'backup_truncated'
  | 'data_key_tampered'
  | 'ciphertext_tampered'
  | 'noise_message_too_large'
  | 'noise_message_malformed'
  | 'noise_message_tampered'
  | 'noise_nonce_exhausted'
  | 'noise_out_of_turn'
  | 'agent_key_unproven'
  | 'agent_key_mismatch'
  | 'channel_handshake_failed'
  | 'channel_tampered'
  | 'channel_truncated'
  | 'channel_refused'
  | 'channel_message_too_large'
  | 'channel_protocol'
  | 'channel_not_open'
  | 'recovery_code_invalid'
  | 'invite_code_invalid';

/** Facts that are safe to show: names and numbers, never values of secrets. */
export interface CryptoErrorDetail {
  /** Which named field differs or is wrong. */
  readonly field?: string;
  /** Which version (of a key-encryption key, of an envelope) was asked for. */
  readonly version?: number;
  /** The reason a peer gave, from a closed list of the part that raises it. */
  readonly reason?: string;
}

/**
 * An error for a person: `message` says what happened, `fix` what to do about it. Neither ever holds key
 * material or plaintext, so both may be logged and shown.
 */
export class CryptoError extends Error {
  override readonly name = 'CryptoError';
  readonly code: CryptoErrorCode;
  readonly fix: string;
  readonly detail: CryptoErrorDetail;

  constructor(code: CryptoErrorCode, message: string, fix: string, detail: CryptoErrorDetail = {}) {
    super(message);
    this.code = code;
    this.fix = fix;
    this.detail = detail;
  }
}

/** Whether a thrown value is this package's error, and optionally of one code. */
export function isCryptoError(error: unknown, code?: CryptoErrorCode): error is CryptoError {
  return error instanceof CryptoError && (code === undefined || error.code === code);
}
