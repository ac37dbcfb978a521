//! candle-transformers' own models in f32 on the dequantised weights of a GGUF file: what our decoder is held against.
//!
//! Everything is read with candle's reader and by index arithmetic of this file; nothing comes from the code under
//! test.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::{llama, qwen2, qwen3};

/// One of candle's models, ready to run from position 0.
pub struct Reference {
    model: Model,
    /// `[V, H]`, f32.
    head: Tensor,
}

enum Model {
    Llama(Box<llama::Llama>, llama::Config),
    Qwen2(qwen2::Model),
    Qwen3(qwen3::Model),
}

impl Reference {
    /// Reads and dequantises every tensor of the file once.
    pub fn load(path: &Path) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let content = Content::read(&mut file)?;
        let sizes = Sizes::read(&content)?;
        let mut weights = HashMap::new();
        for name in content.tensor_infos.keys() {
            let tensor = content
                .tensor(&mut file, name, &Device::Cpu)?
                .dequantize(&Device::Cpu)?;
            let tensor = match (sizes.arch.as_str(), name.rsplit_once('.')) {
                ("llama", Some((layer, "weight"))) if layer.ends_with("attn_q") => {
                    unpermute(&tensor, sizes.heads)?
                }
                ("llama", Some((layer, "weight"))) if layer.ends_with("attn_k") => {
                    unpermute(&tensor, sizes.kv_heads)?
                }
                _ => tensor,
            };
            weights.insert(hub_name(name), tensor);
        }
        let tied = !weights.contains_key("lm_head.weight");
        let head = weights[if tied {
            "model.embed_tokens.weight"
        } else {
            "lm_head.weight"
        }]
        .clone();
        let vars = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
        let model = match sizes.arch.as_str() {
            "llama" => {
                let config = sizes.llama(head.dim(0)?, tied);
                Model::Llama(Box::new(llama::Llama::load(vars, &config)?), config)
            }
            "qwen2" => Model::Qwen2(qwen2::Model::new(&sizes.qwen2(head.dim(0)?, tied), vars)?),
            "qwen3" => Model::Qwen3(qwen3::Model::new(&sizes.qwen3(head.dim(0)?, tied), vars)?),
            other => candle_core::bail!("no reference for {other}"),
        };
        Ok(Self { model, head })
    }

    /// Logits at every position, `[tokens, V]`. Qwen: one pass without cache. Llama: candle's model answers for the last
    /// position only, so the tokens go in one by one.
    pub fn logits(&self, tokens: &[u32]) -> Result<Tensor> {
        let ids = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        let hidden = match &self.model {
            Model::Qwen2(model) => model.clone().forward(&ids, 0, None)?,
            Model::Qwen3(model) => model.clone().forward(&ids, 0)?,
            Model::Llama(model, config) => {
                let mut cache = llama::Cache::new(true, DType::F32, config, &Device::Cpu)?;
                let rows = (0..tokens.len())
                    .map(|at| model.forward(&ids.narrow(1, at, 1)?, at, &mut cache))
                    .collect::<Result<Vec<_>>>()?;
                return Tensor::cat(&rows, 0);
            }
        };
        hidden.squeeze(0)?.matmul(&self.head.t()?)
    }
}

/// Where the row of each half of a head lies in a Llama GGUF file: row `2 i + half` there is row `half * D / 2 + i` of
/// the Hugging Face weight.
fn unpermute(weight: &Tensor, heads: usize) -> Result<Tensor> {
    let out = weight.dim(0)?;
    let dim = out / heads;
    let rows: Vec<u32> = (0..out)
        .map(|row| {
            let (head, within) = (row / dim, row % dim);
            let (half, i) = (within / (dim / 2), within % (dim / 2));
            (head * dim + 2 * i + half) as u32
        })
        .collect();
    weight.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)
}

/// The Hugging Face name of a GGUF tensor.
fn hub_name(name: &str) -> String {
    const PARTS: [(&str, &str); 14] = [
        ("token_embd", "model.embed_tokens"),
        ("output_norm", "model.norm"),
        ("attn_norm", "input_layernorm"),
        ("attn_q_norm", "self_attn.q_norm"),
        ("attn_k_norm", "self_attn.k_norm"),
        ("attn_q", "self_attn.q_proj"),
        ("attn_k", "self_attn.k_proj"),
        ("attn_v", "self_attn.v_proj"),
        ("attn_output", "self_attn.o_proj"),
        ("ffn_norm", "post_attention_layernorm"),
        ("ffn_gate", "mlp.gate_proj"),
        ("ffn_up", "mlp.up_proj"),
        ("ffn_down", "mlp.down_proj"),
        ("output", "lm_head"),
    ];
    name.split('.')
        .map(|part| match part {
            "blk" => "model.layers",
            _ => PARTS
                .iter()
                .find(|(gguf, _)| *gguf == part)
                .map_or(part, |(_, hub)| hub),
        })
        .collect::<Vec<_>>()
        .join(".")
}

struct Sizes {
    arch: String,
    layers: usize,
    hidden: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    intermediate: usize,
    context: usize,
    rope_base: f32,
    norm_eps: f32,
}

impl Sizes {
    fn read(content: &Content) -> Result<Self> {
        let metadata = &content.metadata;
        let arch = metadata["general.architecture"].to_string()?.clone();
        let value = |key: &str| &metadata[&format!("{arch}.{key}")];
        let size = |key: &str| value(key).to_u64().map(|n| n as usize);
        let (hidden, heads) = (size("embedding_length")?, size("attention.head_count")?);
        Ok(Self {
            layers: size("block_count")?,
            hidden,
            heads,
            kv_heads: size("attention.head_count_kv")?,
            head_dim: metadata
                .get(&format!("{arch}.attention.key_length"))
                .map_or(Ok((hidden / heads) as u64), Value::to_u64)? as usize,
            intermediate: size("feed_forward_length")?,
            context: size("context_length")?,
            rope_base: value("rope.freq_base").to_f32()?,
            norm_eps: value("attention.layer_norm_rms_epsilon").to_f32()?,
            arch,
        })
    }

    fn llama(&self, vocab: usize, tied: bool) -> llama::Config {
        llama::Config {
            hidden_size: self.hidden,
            intermediate_size: self.intermediate,
            vocab_size: vocab,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.kv_heads,
            use_flash_attn: false,
            rms_norm_eps: f64::from(self.norm_eps),
            rope_theta: self.rope_base,
            bos_token_id: None,
            eos_token_id: None,
            rope_scaling: None,
            max_position_embeddings: self.context,
            tie_word_embeddings: tied,
        }
    }

    fn qwen2(&self, vocab: usize, tied: bool) -> qwen2::Config {
        qwen2::Config {
            vocab_size: vocab,
            hidden_size: self.hidden,
            intermediate_size: self.intermediate,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.kv_heads,
            max_position_embeddings: self.context,
            // Wider than any prompt: no window.
            sliding_window: self.context,
            max_window_layers: 0,
            tie_word_embeddings: tied,
            rope_theta: f64::from(self.rope_base),
            rms_norm_eps: f64::from(self.norm_eps),
            use_sliding_window: false,
            hidden_act: Activation::Silu,
        }
    }

    fn qwen3(&self, vocab: usize, tied: bool) -> qwen3::Config {
        qwen3::Config {
            vocab_size: vocab,
            hidden_size: self.hidden,
            intermediate_size: self.intermediate,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            head_dim: self.head_dim,
            attention_bias: false,
            num_key_value_heads: self.kv_heads,
            max_position_embeddings: self.context,
            sliding_window: None,
            max_window_layers: 0,
            tie_word_embeddings: tied,
            rope_theta: f64::from(self.rope_base),
            rms_norm_eps: f64::from(self.norm_eps),
            use_sliding_window: false,
            hidden_act: Activation::Silu,
        }
    }
}
