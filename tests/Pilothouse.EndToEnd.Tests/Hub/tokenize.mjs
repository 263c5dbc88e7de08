// transformers.js fetches a tokenizer from a server of ours and uses it.
import { env, AutoTokenizer } from "@huggingface/transformers";

const [host, model, cacheDir] = process.argv.slice(2);
env.remoteHost = host;
env.allowLocalModels = false;
env.cacheDir = cacheDir;
const tokenizer = await AutoTokenizer.from_pretrained(model);
const { input_ids } = await tokenizer("Do you ship to Turin?");
console.log(JSON.stringify({ ids: [...input_ids.data].map(Number), text: tokenizer.decode([...input_ids.data], { skip_special_tokens: true }) }));
