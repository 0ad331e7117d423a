// Streams a generation from a Hekla router, with nothing but the .proto files: node client.js [ADDRESS [PROMPT]]
// Once before: npm install @grpc/grpc-js @grpc/proto-loader
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const protos = process.env.HEKLA_PROTO || path.join(__dirname, '..', '..', 'proto');
const definition = loader.loadSync('hekla/v1/inference.proto', {
  includeDirs: [protos], keepCase: true, longs: String, enums: String, oneofs: true,
});
const {hekla} = grpc.loadPackageDefinition(definition);

const [address = '127.0.0.1:8090', prompt = 'Once upon a time'] = process.argv.slice(2);
const client = new hekla.v1.Inference(address, grpc.credentials.createInsecure());
const deadline = new Date(Date.now() + 60000);
const call = client.Generate({text: prompt, stop: {max_tokens: 64}, sampling: {temperature: 0}}, {deadline});
call.on('data', ({event, delta, finished}) => {
  if (event === 'delta') process.stdout.write(delta.text);
  if (event === 'finished') console.error(`\n[${finished.reason}, ${finished.usage.output_tokens} tokens]`);
});
call.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
call.on('end', () => client.close());
