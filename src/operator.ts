import { OPERATOR, type Operator } from './core/operator.ts'
import type { App, Service } from './service.ts'

/** The program at work in this process, as the command line uses it. */
export function createOperator({ models, check }: Pick<App, 'models' | 'check'>, service: Service): Operator {
  const { jobs, events, objects, cancel, preview, modelOf, costOf, stop } = service
  return {
    here: true,
    models: models.usable,
    check,
    submit: (order) => service.submit({ ...order, identity: OPERATOR }),
    async resume(jobId) {
      await service.resume(jobId, OPERATOR)
    },
    get: jobs.get,
    list: async (limit) => jobs.list(await jobs.userOf(OPERATOR), limit),
    objects: {
      file: async (key) => objects.file(key),
      link: objects.link,
      read: (key) => objects.read(key),
    },
    ...{ cancel, preview, modelOf, costOf, events, stop },
  }
}
