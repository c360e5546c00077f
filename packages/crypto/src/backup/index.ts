export { type BackupDecryptor, createBackupDecryptor } from './decrypt.ts';
export { type BackupEncryptor, type BackupEncryptorOptions, createBackupEncryptor } from './encrypt.ts';
export type { BackupAbout, BackupHeader } from './format.ts';
