export * from '../signals/back-off.ts';
