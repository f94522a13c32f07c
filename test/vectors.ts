/** `npm run test:vectors`: the reference vectors in $SEDGE_VECTORS, by default those in test/vectors. */
import { fileURLToPath } from 'node:url';
import { runVectors } from './vector-runner.ts';

const directory = process.env.SEDGE_VECTORS || fileURLToPath(new URL('vectors', import.meta.url));
process.exitCode = await runVectors(directory, console.log, console.error);
