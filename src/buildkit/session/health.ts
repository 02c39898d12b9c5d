// Answers the daemon's question whether the session is alive; it asks every 5 s and closes the session after two failures.
// https://grpc.io/docs/guides/health-checking/
import { Health, HealthCheckResponse_ServingStatus } from '../gen/health_check_pb.js';
import type { SessionCapability } from './capability.ts';
import { unaryMethod } from './unary.ts';

/** Every session has it. */
export function healthCapability(): SessionCapability {
  return {
    methods: new Map([
      unaryMethod(Health.method.check, () => Promise.resolve({ status: HealthCheckResponse_ServingStatus.SERVING })),
    ]),
  };
}
