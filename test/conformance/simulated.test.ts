import { conformance } from './conformance';
import { SimulatedWorld } from './simulated-world';

conformance('the simulated host', (options) => new SimulatedWorld(options));
