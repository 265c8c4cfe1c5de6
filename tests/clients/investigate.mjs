// OpenAI's library for Node at a task of two turns: argv are the endpoint and "stream" or "whole". Prints the verdict.
import OpenAI from "openai";

const [endpoint, manner] = process.argv.slice(2);
const client = new OpenAI({ maxRetries: 0 }); // OPENAI_BASE_URL and OPENAI_API_KEY, as anybody sets them
const model = process.env.MODEL;
const question = "Is PC-0412 under attack?";
const parameters = {
  type: "object",
  properties: { host: { type: "string" } },
  required: ["host"],
  additionalProperties: false,
};

function lookup({ host }) {
  if (host !== "PC-0412") throw new Error(`asked about ${host}`);
  return `${host} belongs to yamada.t at 10.20.4.12`;
}

async function respond(input) {
  const asked = {
    model,
    input,
    tools: [{ type: "function", name: "lookup", parameters, strict: true }],
    include: ["reasoning.encrypted_content"],
  };
  if (manner === "whole") return client.responses.create(asked);
  return client.responses.stream(asked).finalResponse();
}

async function complete(messages) {
  const asked = { model, messages, tools: [{ type: "function", function: { name: "lookup", parameters } }] };
  if (manner === "whole") return (await client.chat.completions.create(asked)).choices[0].message;
  return client.chat.completions.stream(asked).finalMessage();
}

if (endpoint === "responses") {
  const input = [{ role: "user", content: question }];
  const first = await respond(input);
  const call = first.output.find((item) => item.type === "function_call");
  const output = lookup(JSON.parse(call.arguments));
  const { parsed_arguments: _, ...plain } = call;
  const before = first.output.filter((item) => item !== call);
  input.push(...before, plain, { type: "function_call_output", call_id: call.call_id, output });
  console.log((await respond(input)).output_text);
} else {
  const messages = [{ role: "user", content: question }];
  const first = await complete(messages);
  const [call] = first.tool_calls;
  const { id, type } = call;
  const called = { name: call.function.name, arguments: call.function.arguments };
  messages.push({ role: "assistant", tool_calls: [{ id, type, function: called }] });
  messages.push({ role: "tool", tool_call_id: id, content: lookup(JSON.parse(called.arguments)) });
  console.log((await complete(messages)).content);
}
