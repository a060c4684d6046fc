import { startProcessSite } from '@sagamesh/mesh/process-site';
import { describeMesh } from './mesh.behaviour.ts';

describeMesh('processes', () => startProcessSite((line) => void process.stdout.write(`${line}\n`)));
