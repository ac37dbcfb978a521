// The dossier job on llama.cpp: one shared prefix is read once, every branch continues it with a prompt
// of its own and generates greedily. Only llama.h's C API; prints one JSON object.

#include "llama.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Tokens = std::vector<llama_token>;
using Clock = std::chrono::steady_clock;

// The defaults are the setting that README.md found best.
struct Options {
    std::string model;
    std::string tokens;
    std::string generated; // where the generated ids go, a line per branch; nowhere when empty
    int generate = 0;
    int threads = 0;
    bool parallel = true;
    bool flash = false;
    bool unified = true;
    bool repack = true;
    bool verbose = false;
    std::string cache = "f16";
    int batch = 2048;
    int ubatch = 128;
};

const char * const USAGE =
    "usage: dossier --model GGUF --tokens FILE --generate N --threads N\n"
    "               [--way parallel|sequential] [--flash on|off] [--unified on|off] [--repack on|off]\n"
    "               [--cache f16|q8_0|f32] [--batch N] [--ubatch N] [--generated FILE] [--verbose]\n"
    "FILE holds token ids separated by spaces: the shared prefix on the first line, one branch on each further line.\n";

[[noreturn]] void fail(const std::string & why) {
    throw std::runtime_error(why);
}

int positive(const std::string & name, const std::string & value) {
    char * end = nullptr;
    const long number = std::strtol(value.c_str(), &end, 10);
    if (end == value.c_str() || *end != '\0' || number < 1 || number > 1000000) {
        fail(name + ": not a number from 1 to 1000000: " + value);
    }
    return static_cast<int>(number);
}

// True for the first of the two words, false for the second.
bool either(const std::string & name, const std::string & value, const std::string & yes, const std::string & no) {
    if (value != yes && value != no) {
        fail(name + ": " + yes + " or " + no + ", not " + value);
    }
    return value == yes;
}

Options options_of(int argc, char ** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--help") {
            std::fputs(USAGE, stdout);
            std::exit(0);
        }
        if (name == "--verbose") {
            options.verbose = true;
            continue;
        }
        if (++i == argc) {
            fail(name + ": unknown, or its value is missing\n" + USAGE);
        }
        const std::string value = argv[i];
        if (name == "--model") {
            options.model = value;
        } else if (name == "--tokens") {
            options.tokens = value;
        } else if (name == "--generated") {
            options.generated = value;
        } else if (name == "--generate") {
            options.generate = positive(name, value);
        } else if (name == "--threads") {
            options.threads = positive(name, value);
        } else if (name == "--way") {
            options.parallel = either(name, value, "parallel", "sequential");
        } else if (name == "--flash") {
            options.flash = either(name, value, "on", "off");
        } else if (name == "--unified") {
            options.unified = either(name, value, "on", "off");
        } else if (name == "--repack") {
            options.repack = either(name, value, "on", "off");
        } else if (name == "--cache") {
            options.cache = value;
        } else if (name == "--batch") {
            options.batch = positive(name, value);
        } else if (name == "--ubatch") {
            options.ubatch = positive(name, value);
        } else {
            fail(name + ": unknown\n" + USAGE);
        }
    }
    if (options.model.empty() || options.tokens.empty() || options.generate == 0 || options.threads == 0) {
        fail(std::string("--model, --tokens, --generate and --threads are needed\n") + USAGE);
    }
    return options;
}

ggml_type cache_type(const std::string & name) {
    for (const ggml_type type : {GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_F32}) {
        if (name == ggml_type_name(type)) {
            return type;
        }
    }
    fail("--cache: f16, q8_0 or f32, not " + name);
}

std::vector<Tokens> read_tokens(const std::string & path, int n_vocab) {
    std::ifstream file(path);
    if (!file) {
        fail(path + ": cannot be read");
    }
    std::vector<Tokens> lines;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        Tokens tokens;
        for (llama_token token; words >> token;) {
            if (token < 0 || token >= n_vocab) {
                fail(path + ": not a token of this model: " + std::to_string(token));
            }
            tokens.push_back(token);
        }
        if (!words.eof() || tokens.empty()) {
            fail(path + ", line " + std::to_string(lines.size() + 1) + ": not a line of token ids");
        }
        lines.push_back(tokens);
    }
    if (lines.size() < 2) {
        fail(path + ": a prefix and at least one branch are needed");
    }
    return lines;
}

double ms_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The most memory this process ever had resident, mapped file pages included; 0 where /proc is missing.
long long peak_rss_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        long long kib = 0;
        if (word == "VmHWM:" && status >> kib) {
            return kib * 1024;
        }
    }
    return 0;
}

// One sequence of the cache, and what it generated.
struct Branch {
    llama_seq_id seq;
    llama_pos next; // the position of the next token
    Tokens generated;
};

class Engine {
public:
    Engine(llama_context * ctx, int n_vocab) :
        ctx(ctx), n_vocab(n_vocab), n_batch(static_cast<int>(llama_n_batch(ctx))),
        batch(llama_batch_init(n_batch, 0, 1)) {}
    ~Engine() { llama_batch_free(batch); }
    Engine(const Engine &) = delete;
    Engine & operator=(const Engine &) = delete;

    // Reads a prompt without asking for logits.
    void read(llama_seq_id seq, const Tokens & prompt) {
        for (size_t i = 0; i < prompt.size(); ++i) {
            add(prompt[i], static_cast<llama_pos>(i), seq, nullptr);
        }
        flush();
    }

    // Reads the prompts of the branches, all in the same batches, and picks each one's first token.
    void read_branches(const std::vector<Branch *> & branches, const std::vector<const Tokens *> & prompts) {
        for (size_t b = 0; b < branches.size(); ++b) {
            const Tokens & prompt = *prompts[b];
            for (size_t i = 0; i < prompt.size(); ++i) {
                add(prompt[i], branches[b]->next++, branches[b]->seq, i + 1 == prompt.size() ? branches[b] : nullptr);
            }
        }
        flush();
    }

    // One further token for each branch, all in one batch.
    void step(const std::vector<Branch *> & branches) {
        for (Branch * branch : branches) {
            const llama_token last = branch->generated.back();
            add(last, branch->next++, branch->seq, branch);
        }
        flush();
    }

private:
    // A branch to pick for marks the token whose logits are wanted.
    void add(llama_token token, llama_pos pos, llama_seq_id seq, Branch * pick) {
        if (batch.n_tokens == n_batch) {
            flush();
        }
        const int i = batch.n_tokens++;
        batch.token[i] = token;
        batch.pos[i] = pos;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = seq;
        batch.logits[i] = pick != nullptr;
        if (pick != nullptr) {
            wanted.push_back({i, pick});
        }
    }

    void flush() {
        if (batch.n_tokens == 0) {
            return;
        }
        const int code = llama_decode(ctx, batch);
        if (code != 0) {
            fail("llama_decode: " + std::to_string(code));
        }
        llama_synchronize(ctx);
        for (const auto & [i, branch] : wanted) {
            const float * logits = llama_get_logits_ith(ctx, i);
            branch->generated.push_back(static_cast<llama_token>(std::max_element(logits, logits + n_vocab) - logits));
        }
        wanted.clear();
        batch.n_tokens = 0;
    }

    llama_context * ctx;
    int n_vocab;
    int n_batch;
    llama_batch batch;
    std::vector<std::pair<int, Branch *>> wanted;
};

struct Times {
    double prefix_ms = 0;
    double first_token_ms = 0; // from the start to the first token of any branch
    double prompts_ms = 0;     // reading the branches' prompts, first tokens included
    double decode_ms = 0;      // every token after a branch's first
    double whole_ms = 0;
};

// Sequence 0 keeps the prefix, branch b is sequence b + 1, or 1 where one branch follows the other.
Times run(llama_context * ctx, Engine & engine, const Options & options, const std::vector<Tokens> & lines,
          std::vector<Branch> & branches) {
    const llama_memory_t memory = llama_get_memory(ctx);
    const Tokens & prefix = lines[0];
    Times times;
    const auto start = Clock::now();

    engine.read(0, prefix);
    times.prefix_ms = ms_since(start);

    // The branches that go together: all, or one after the other.
    const size_t together = options.parallel ? branches.size() : 1;
    for (size_t from = 0; from < branches.size(); from += together) {
        std::vector<Branch *> group;
        std::vector<const Tokens *> prompts;
        auto at = Clock::now();
        for (size_t b = from; b < from + together; ++b) {
            branches[b].seq = static_cast<llama_seq_id>(b - from + 1);
            branches[b].next = static_cast<llama_pos>(prefix.size());
            llama_memory_seq_cp(memory, 0, branches[b].seq, -1, -1);
            group.push_back(&branches[b]);
            prompts.push_back(&lines[b + 1]);
        }
        engine.read_branches(group, prompts);
        times.prompts_ms += ms_since(at);
        if (from == 0) {
            times.first_token_ms = ms_since(start);
        }

        at = Clock::now();
        for (int i = 1; i < options.generate; ++i) {
            engine.step(group);
        }
        for (const Branch * branch : group) {
            llama_memory_seq_rm(memory, branch->seq, -1, -1);
        }
        times.decode_ms += ms_since(at);
    }

    times.whole_ms = ms_since(start);
    return times;
}

void job(const Options & options) {
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = 0;
    model_params.use_extra_bufts = options.repack;
    llama_model * model = llama_model_load_from_file(options.model.c_str(), model_params);
    if (model == nullptr) {
        fail(options.model + ": llama.cpp cannot load it (--verbose says why)");
    }
    const int n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));

    const std::vector<Tokens> lines = read_tokens(options.tokens, n_vocab);
    std::vector<Branch> branches(lines.size() - 1);
    size_t own_longest = 0; // what the longest branch adds to the prefix, and all of them together
    size_t own_all = 0;
    size_t prompt_tokens = 0;
    for (size_t b = 0; b < branches.size(); ++b) {
        const size_t own = lines[b + 1].size() + static_cast<size_t>(options.generate);
        own_longest = std::max(own_longest, own);
        own_all += own;
        prompt_tokens += lines[b + 1].size();
    }

    // As many sequences and cells as the job needs. Not unified, each sequence gets an equal share of the cells.
    const size_t together = options.parallel ? branches.size() : 1;
    const size_t share = lines[0].size() + own_longest;
    llama_context_params params = llama_context_default_params();
    params.n_seq_max = static_cast<uint32_t>(together + 1);
    params.n_ctx = static_cast<uint32_t>(options.unified ? lines[0].size() + (options.parallel ? own_all : own_longest)
                                                         : (share + 255) / 256 * 256 * (together + 1));
    params.n_batch = static_cast<uint32_t>(options.batch);
    params.n_ubatch = static_cast<uint32_t>(std::min(options.ubatch, options.batch));
    params.n_outputs_max = params.n_seq_max; // never more logits than one row a branch
    params.n_threads = options.threads;
    params.n_threads_batch = options.threads;
    params.flash_attn_type = options.flash ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.type_k = cache_type(options.cache);
    params.type_v = params.type_k;
    params.kv_unified = options.unified;
    params.no_perf = true;
    llama_context * ctx = llama_init_from_model(model, params);
    if (ctx == nullptr) {
        fail("llama.cpp does not take these settings (--verbose says why)");
    }

    Times times;
    {
        Engine engine(ctx, n_vocab);
        // A short untimed run first, as llama-bench does: it brings in the weights and starts the threads.
        engine.read(0, Tokens(lines[0].begin(), lines[0].begin() + std::min<long>(16, lines[0].size())));
        llama_memory_clear(llama_get_memory(ctx), false);
        times = run(ctx, engine, options, lines, branches);
    }

    if (!options.generated.empty()) {
        std::ofstream file(options.generated);
        for (const Branch & branch : branches) {
            for (size_t i = 0; i < branch.generated.size(); ++i) {
                file << (i == 0 ? "" : " ") << branch.generated[i];
            }
            file << '\n';
        }
        file.close();
        if (!file) {
            fail(options.generated + ": cannot be written");
        }
    }

    char name[128];
    llama_model_desc(model, name, sizeof name);
    const double decoded = static_cast<double>(branches.size()) * (options.generate - 1);
    const double read = static_cast<double>(lines[0].size() + prompt_tokens);
    std::printf(
        "{\"prefix_tokens\": %zu, \"branches\": %zu, \"branch_tokens\": %zu, \"generate\": %d, "
        "\"prefix_ms\": %.1f, \"first_token_ms\": %.1f, \"whole_ms\": %.1f, "
        "\"decode_tokens_per_s\": %.2f, \"prefill_tokens_per_s\": %.2f, \"peak_rss_bytes\": %lld, "
        "\"settings\": {\"model\": \"%s\", \"threads\": %d, \"way\": \"%s\", \"flash\": %s, \"unified\": %s, "
        "\"repack\": %s, \"cache\": \"%s\", \"batch\": %u, \"ubatch\": %u, \"context\": %u}}\n",
        lines[0].size(), branches.size(), prompt_tokens, options.generate, times.prefix_ms, times.first_token_ms,
        times.whole_ms, times.decode_ms > 0 ? decoded / times.decode_ms * 1000 : 0.0,
        read / (times.prefix_ms + times.prompts_ms) * 1000, peak_rss_bytes(), name, options.threads,
        options.parallel ? "parallel" : "sequential", options.flash ? "true" : "false",
        options.unified ? "true" : "false", options.repack ? "true" : "false", options.cache.c_str(),
        llama_n_batch(ctx), llama_n_ubatch(ctx), llama_n_ctx(ctx));

    llama_free(ctx);
    llama_model_free(model);
}

} // namespace

int main(int argc, char ** argv) {
    try {
        const Options options = options_of(argc, argv);
        if (!options.verbose) {
            llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
        }
        llama_backend_init();
        job(options);
        llama_backend_free();
    } catch (const std::exception & error) {
        std::cerr << "dossier: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
