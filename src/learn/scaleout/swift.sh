#!/usr/bin/env bash
# swift.sh sft|rm|grpo — trains on as many GPUs as NPROC_PER_NODE says (1). BASE is the model; OUT the output folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
BASE=${BASE:-@BASE@}
OUT=${OUT:-output}
export NPROC_PER_NODE=${NPROC_PER_NODE:-1}
LORA=(--model "$BASE" --tuner_type lora --lora_rank 8 --lora_alpha 16 --lora_dropout 0.05
      --target_modules q_proj v_proj --warmup_ratio 0.03 --lr_scheduler_type cosine --torch_dtype bfloat16)
case ${1:-} in
  sft)
    swift sft "${LORA[@]}" --dataset data/sft.jsonl --learning_rate 2e-4 --num_train_epochs 1 \
      --per_device_train_batch_size 4 --gradient_accumulation_steps 4 --max_length 2048 --output_dir "$OUT/sft"
    ;;
  rm)
    swift rlhf --rlhf_type rm "${LORA[@]}" --dataset data/rm.jsonl --center_rewards_coefficient 0.01 \
      --learning_rate 1e-4 --num_train_epochs 1 --max_length 8192 --output_dir "$OUT/rm"
    ;;
  grpo)
    swift rlhf --rlhf_type grpo "${LORA[@]}" ${ADAPTER:+--adapters "$ADAPTER"} --dataset data/grpo.jsonl \
      --external_plugins swift_plugin.py --reward_funcs plumb_score plumb_evidence plumb_schema plumb_counts \
      --reward_weights 1 1 0.5 0.5 --num_generations 8 --max_completion_length 256 --temperature 1.0 \
      --loss_type dr_grpo --epsilon 0.2 --epsilon_high 0.28 --beta 0.04 --learning_rate 2e-4 \
      --per_device_train_batch_size 8 --output_dir "$OUT/grpo"
    ;;
  *)
    echo "usage: $0 sft|rm|grpo   (BASE, OUT, ADAPTER, NPROC_PER_NODE from the environment)" >&2
    exit 2
    ;;
esac
