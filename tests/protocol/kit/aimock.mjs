// A venue's model as aimock plays it, at a free port: a line with its address. It ends with its input.
import { LLMock } from '@copilotkit/aimock';

// One unit of UTF-16 in each event.
const mock = new LLMock({ port: 0, chunkSize: 1, logLevel: 'silent' });
mock.on({ userMessage: 'hello' }, { content: 'Zwölf 🎤!' });
mock.on(
  { userMessage: 'free', hasToolResult: false },
  { toolCalls: [{ id: 'call_1', name: 'find_free_times', arguments: '{"date_from": "2027-01-08"}' }] },
);
mock.on({ toolCallId: 'call_1' }, { content: 'At seven.', usage: { input_tokens: 40, output_tokens: 5 } });
console.log(JSON.stringify(await mock.start()));
process.stdin.resume().on('end', () => mock.stop());
