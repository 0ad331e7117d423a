// Streams a generation as a client should that others rely on: a deadline, cancelling, trying again when the
// server says so, going on where a broken stream ended, a second router when the first one is not there, TLS and
// a token. Prints the text; what happens on the way goes to stderr. Exit codes: 0 done, 1 an error, 3 cancelled
// as --cancel-after says.
// node careful_client.js [--address A[,B]...] [--prompt TEXT] [--max-tokens N] [--temperature X] [--timeout SECONDS]
//   [--attempts N] [--cancel-after TOKENS] [--tls-ca FILE] [--token TOKEN]
// Once before: npm install @grpc/grpc-js @grpc/proto-loader
const fs = require('fs');
const path = require('path');
const {parseArgs} = require('util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const protos = process.env.HEKLA_PROTO || path.join(__dirname, '..', '..', 'proto');
const {hekla} = grpc.loadPackageDefinition(loader.loadSync('hekla/v1/inference.proto', {
  includeDirs: [protos], keepCase: true, longs: String, enums: String, oneofs: true, defaults: true,
}));
const details = new protobuf.Root();
details.resolvePath = (_, file) => file.startsWith('google/protobuf/') ? file : path.resolve(protos, file);
details.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

const flag = (value) => ({type: 'string', default: value});
const {values: options} = parseArgs({options: {
  address: flag('127.0.0.1:8090'), prompt: flag('Once upon a time'), 'max-tokens': flag('64'), temperature: flag('0'),
  timeout: flag('60'), attempts: flag('20'), 'cancel-after': flag('0'), 'tls-ca': flag(''), token: flag(''),
}});

// {reason, delay}: the delay in ms after which the call may be tried again, or null.
function detailsOf(error) {
  const result = {reason: '', delay: null};
  for (const bytes of error.metadata ? error.metadata.get('grpc-status-details-bin') : []) {
    for (const any of details.lookupType('google.rpc.Status').decode(bytes).details) {
      const name = any.type_url.split('/').pop();
      if (name === 'google.rpc.ErrorInfo') result.reason = details.lookupType(name).decode(any.value).reason;
      if (name !== 'google.rpc.RetryInfo') continue;
      const {seconds, nanos} = details.lookupType(name).decode(any.value).retryDelay;
      result.delay = 1000 * Number(seconds) + nanos / 1e6;
    }
  }
  return result;
}

const ids = []; // the output so far, each token once
let seed; // in effect: another attempt draws the same tokens
const deadline = new Date(Date.now() + 1000 * Number(options.timeout)); // of all attempts together

// One call; resolves to true when it has ended well, to false when it was cancelled. The ids that came before
// are sent along, so that the stream goes on after them.
function attempt(client) {
  const request = {
    text: options.prompt, stop: {max_tokens: Number(options['max-tokens'])},
    sampling: {temperature: Number(options.temperature), seed}, resume_token_ids: ids,
  };
  const metadata = new grpc.Metadata();
  if (options.token) metadata.set('authorization', `Bearer ${options.token}`);
  return new Promise((resolve, reject) => {
    const call = client.Generate(request, metadata, {deadline});
    call.on('data', ({event, started, delta, finished}) => {
      if (event === 'started') seed = started.seed;
      if (event === 'delta' && delta.token_offset !== ids.length) {
        reject(new Error(`token ${delta.token_offset} came after ${ids.length} tokens`));
        call.cancel();
      } else if (event === 'delta') {
        ids.push(...delta.token_ids);
        process.stdout.write(delta.text);
        if (Number(options['cancel-after']) > 0 && ids.length >= Number(options['cancel-after'])) {
          resolve(false);
          call.cancel(); // the worker stops at its next step
        }
      }
      if (event === 'finished') console.error(`\n[${finished.reason}, ${ids.length} tokens]`);
    });
    call.on('error', reject); // after resolve() or reject() it does nothing
    call.on('end', () => resolve(true));
  });
}

// `clients`: of one router, or of several in front of the same workers. The first one is asked; one that fails
// goes to the end of the list, and there is no wait until each of them has failed.
async function run(clients) {
  for (let number = 1; ; ++number) {
    try {
      return await attempt(clients[0]) ? 0 : 3;
    } catch (error) {
      const {reason, delay} = detailsOf(error);
      // A server that goes down resets the calls it has not looked at yet: a cancel without a reason.
      const again = error.code === grpc.status.CANCELLED && !reason ||
          [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED].includes(error.code) &&
          !['SLOW_CONSUMER', 'SESSION_LOST'].includes(reason);
      if (!again || number >= Number(options.attempts)) {
        console.error(`${grpc.status[error.code] || ''} ${reason}: ${error.details || error.message}`);
        return 1;
      }
      const asked = delay === null ? Math.min(100 * 2 ** number, 5000) : delay;
      const wait = number % clients.length ? 0 : asked;
      clients.push(clients.shift());
      console.error(`[${grpc.status[error.code]} ${reason}: again in ${wait} ms, after ${ids.length} tokens]`);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(wait, deadline - Date.now()))));
    }
  }
}

const credentials = options['tls-ca'] ? grpc.credentials.createSsl(fs.readFileSync(options['tls-ca'])) :
    grpc.credentials.createInsecure();
const clients = options.address.split(',').map((address) => new hekla.v1.Inference(address, credentials));
run(clients).then((code) => {
  process.exitCode = code;
  clients.forEach((client) => client.close());
});
