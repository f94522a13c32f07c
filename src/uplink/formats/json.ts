/** `json`: the batch of the contract, which says all that a receiver needs to prove that nothing is missing. */
import { encodeBatch } from '../batch-json.ts';
import type { BatchFormat } from './types.ts';

export const json: BatchFormat = {
  name: 'json',
  mediaType: 'application/json',
  encode: encodeBatch,
};
