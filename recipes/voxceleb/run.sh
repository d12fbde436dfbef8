#!/usr/bin/env bash
# Speaker verification on VoxCeleb, Kaldi's voxceleb/v2 and a modern system, from the corpora to a table of error rates.
# Stages have the numbers of kaldi/egs/voxceleb/v2/run.sh; its 6 (examples on disk) and 7 (files of the network) are
# part of 8 here:
#   0 prepare   1 features and VAD   2 augmented copies   3 their features   4 copies and clean speech as one
#   5 filters, plan of the chunks    8 train   9 x-vectors   10 back-end   11 score   12 report
# Every stage can be run again: it resumes where it was stopped, and does only what is missing.
set -euo pipefail
cd "$(dirname "$0")"
source ../options.sh

usage() {
  cat <<TXT
usage: ./run.sh --voxceleb1 DIR --voxceleb2 DIR --musan DIR --rirs DIR [options]
  --voxceleb1, --voxceleb2, --musan, --rirs DIR   the corpora; --rirs simulated needs pyroomacoustics, and no corpus
  --flavour stat|attent|asoft|modern  statistics pooling + softmax (Kaldi's), 5-head attention + softmax, statistics
                             pooling + angular softmax, or attention + additive angular margin (default: stat)
  --backend plda|nonplda     LDA and PLDA, or cosine (default: plda; of modern: nonplda)
  --augment copies|on-the-fly|none  copies on disk as in Kaldi, a new draw for every chunk, or clean speech alone
                             (default: copies; of modern: on-the-fly)
  --train-on all|voxceleb2   both VoxCelebs except the test, as Kaldi, or VoxCeleb2's dev part alone, which leaves the
                             lists E and H unseen (default: all; of modern: voxceleb2)
  --as-norm N                adaptive s-norm too, by the N nearest training speakers; 0 for none
                             (default: 0; of modern: 300)
  --name WORD                name of the experiment, EXP/WORD (default: the flavour, and what is not its default)
  --stage N, --stop-stage N  first and last stage (default: 0, 12)
  --data DIR, --exp DIR      where data directories, and features and experiments go (default: data, exp)
  --jobs N                   processes of stages 0 to 3, and of 9 without a GPU (default: all cores)
  --cluster ADDRESS          of a Dask scheduler, whose workers do stages 1, 3 and 9
  --device cpu|cuda          of stages 8 and 9 (default: cuda where there is one)
  --processes N              of the training, one a GPU (default: 1)
  --config FILE              training settings (default: conf/xvector.yaml; of modern: conf/modern.yaml and then
                             conf/modern-large-margin.yaml, found by the name of the first; conf/ecapa.yaml and
                             conf/campplus.yaml train these networks, with --flavour modern)
  --set "KEY=VALUE ..."      settings over those of the files, e.g. "trainer.n_epochs=4"
  --copies N                 copies that augment, in all (default: 1000000)
  --min-frames N             utterances train that have more voiced frames (default: 400)
  --min-utts N               speakers train that have so many of them (default: 8)
  --repeats N                of each speaker for every 10^9 / N frames of training speech, an epoch (default: 50)
  --lda-dim N                dimensions that LDA keeps (default: 200)
  --lists "WORD ..."         trial lists to score, of o o-cleaned e e-cleaned h h-cleaned (default: all that are there)
  --smoke                    all stages and flavours on a tiny tree of the real layout, in a few minutes: real speech
                             where PYSID_DATA is set, else the synthetic voices of examples/
TXT
}

voxceleb1='' voxceleb2='' musan='' rirs='' flavour='' backend='' augment='' train_on='' as_norm='' name='' config='' set=''
stage=0 stop_stage=12 data=data exp=exp jobs=$(nproc) cluster='' device='' processes=1
copies=1000000 min_frames=400 min_utts=8 repeats=50 lda_dim=200 lists='' smoke=''
parse_options "voxceleb1 voxceleb2 musan rirs flavour backend augment train-on as-norm name stage stop-stage data exp jobs cluster
  device processes config set copies min-frames min-utts repeats lda-dim lists smoke" "$@"
one_of --flavour "${flavour:-stat}" stat attent asoft modern
one_of --backend "${backend:-plda}" plda nonplda
one_of --augment "${augment:-none}" copies on-the-fly none
one_of --train-on "${train_on:-all}" all voxceleb2
one_of --device "${device:-cpu}" cpu cuda
one_word --name "$name"
whole_numbers ${as_norm:+as_norm} stage stop_stage jobs processes copies min_frames min_utts repeats lda_dim

# once STAMP COMMAND...: runs a command, unless STAMP says that this very command is done. Where it runs does not count.
once() {
  local stamp=$1 words
  shift
  words="$* "
  words=${words/ --jobs $jobs / } words=${words/ --cluster $cluster / } words=${words/ --device $device / }
  if [[ -f $stamp && $(<"$stamp") == "$words" ]]; then return; fi
  "$@"
  mkdir -p "$(dirname "$stamp")"
  echo "$words" > "$stamp.part"
  mv "$stamp.part" "$stamp"
}

if [[ $smoke ]]; then
  if [[ -d ${PYSID_DATA:-}/train ]]; then
    exp=$exp/smoke lda_dim=20 permille=783 # copies for clean utterances, as in Kaldi
    speech=(--speech "$PYSID_DATA/train" --noise "$PYSID_DATA/noise" --music "$PYSID_DATA/music" --speakers 45)
  else
    exp=$exp/smoke-synthetic lda_dim=4 permille=1100 # the fewest of all kinds
    speech=(--speech ../../examples/train)
  fi
  tree=$exp/tree
  once "$tree/.done" python make_small_tree.py "$tree" "${speech[@]}"
  n_clean=$(find "$tree/VoxCeleb2" "$tree/VoxCeleb1/dev" -name '*.wav' | wc -l)
  small=(--voxceleb1 "$tree/VoxCeleb1" --voxceleb2 "$tree/VoxCeleb2" --musan "$tree/musan" --rirs "$tree/RIRS_NOISES"
    --data "$exp/data" --exp "$exp" --jobs "$jobs" --device cpu --copies $((n_clean * permille / 1000))
    --min-frames 150 --min-utts 3 --lda-dim "$lda_dim")
  # Of each flavour the usual back-end with all lists, and once the other; what is asked for limits that.
  for system in "stat plda" "stat nonplda o" "attent plda o" "attent nonplda o" "asoft plda o" "asoft nonplda o" \
    "modern nonplda" "modern plda o"; do
    read -r its_flavour its_backend its_lists <<< "$system"
    if [[ $flavour && $flavour != "$its_flavour" || $backend && $backend != "$its_backend" ]]; then continue; fi
    its_config=conf/smoke.yaml
    if [[ $its_flavour == modern ]]; then its_config=conf/smoke-modern.yaml; fi
    ./run.sh "${small[@]}" --flavour "$its_flavour" --backend "$its_backend" --lists "${lists:-$its_lists}" \
      --config "${config:-$its_config}" --set "$set" --stage "$stage" --stop-stage $((stop_stage < 11 ? stop_stage : 11))
  done
  ((stop_stage < 12)) || python report.py "$exp"
  exit
fi

flavour=${flavour:-stat}
case $flavour in
  modern) backend=${backend:-nonplda} augment=${augment:-on-the-fly} train_on=${train_on:-voxceleb2} as_norm=${as_norm:-300}
    usual="on-the-fly voxceleb2" config=${config:-conf/modern.yaml} ;;
  *) backend=${backend:-plda} augment=${augment:-copies} train_on=${train_on:-all} as_norm=${as_norm:-0}
    usual="copies all" config=${config:-conf/xvector.yaml} ;;
esac
[[ $flavour != modern || $augment == on-the-fly ]] || fail "--flavour modern trains from audio: it needs --augment on-the-fly" 2
[[ -f $config ]] || fail "--config: no such file: $config"
if [[ ! $device ]]; then
  device=cpu
  if [[ $(nvidia-smi -L 2> /dev/null) ]]; then device=cuda; fi
fi
if [[ ! $name ]]; then
  name=$flavour
  for word in $augment $train_on; do [[ " $usual " == *" $word "* ]] || name+=-$word; done
fi

workers=(--jobs "$jobs")
if [[ $cluster ]]; then workers=(--cluster "$cluster"); fi
embedders=(--device "$device")  # without more, on all GPUs
if [[ $cluster || $device == cpu ]]; then embedders+=("${workers[@]}"); fi
train=train
if [[ $train_on == voxceleb2 ]]; then train=voxceleb2_train; fi
features=$exp/features augmented=$data/augmented-$train dir=$exp/$name
rooms=("$data"/rirs/simulated_rirs/{small,medium}room/rir_list)
if [[ $rirs == simulated ]]; then rooms=(simulated); fi
x=$dir/xvectors model=$dir/final large_margin=
if [[ $flavour == modern ]]; then large_margin=${config%.yaml}-large-margin.yaml; fi
if [[ -f $large_margin ]]; then model=$dir/large-margin/final; fi

need() { # OPTION DIR WHAT
  [[ $2 ]] || fail "stage 0 needs $1 DIR: $3"
  [[ -d $2 ]] || fail "$1: no such folder: $2; expected $3"
}
if wanted 0; then
  announce 0 "prepare the corpora"
  need --voxceleb1 "$voxceleb1" "VoxCeleb1, with dev/wav/, test/wav/ and trial lists such as veri_test.txt"
  need --voxceleb2 "$voxceleb2" "VoxCeleb2, with dev/aac/ and test/aac/"
  if [[ $augment != none ]]; then
    need --musan "$musan" "MUSAN, with speech/, music/ and noise/"
    if [[ $rirs != simulated ]]; then need --rirs "$rirs" "RIRS_NOISES, or the word simulated"; fi
  fi
  once "$data/voxceleb2.done" pysid prepare voxceleb2 "$voxceleb2" "$data" --durations --jobs "$jobs"
  once "$data/voxceleb1.done" pysid prepare voxceleb1 "$voxceleb1" "$data" --durations --jobs "$jobs"
  if [[ $train_on == all ]]; then
    once "$data/train/.done" python combine.py "$data/train" "$data"/voxceleb{2_train,2_test,1_train}
  fi
  if [[ $augment != none ]]; then
    once "$data/musan.done" pysid prepare musan "$musan" "$data" --jobs "$jobs"
    if [[ $rirs != simulated ]]; then once "$data/rirs/.done" pysid prepare rirs "$rirs" "$data/rirs"; fi
  fi
fi

# What is embedded: the training set, the test of O, and all of VoxCeleb1 where there are lists over it (E and H).
sets=("$train" voxceleb1_test) rest=$train
if [[ $train_on == voxceleb2 && -d $data/voxceleb1 ]]; then sets+=(voxceleb1_train) rest=voxceleb1_train; fi

if wanted 1; then
  announce 1 "features and VAD: MFCC, CMVN, voiced frames"
  for set_ in "${sets[@]}"; do
    once "$features/$set_/.done" pysid features "$data/$set_" "$features/$set_" --allow-skipped --compress "${workers[@]}"
  done
fi

if [[ $augment == copies ]]; then
  trained=$features/${train}_combined
  if wanted 2; then
    announce 2 "$copies copies with reverberation, noise, music and babble"
    once "$augmented/.done" pysid augment "$data/$train" "$augmented" --allow-skipped --noises "$data/musan_noise" \
      --music "$data/musan_music" --speech "$data/musan_speech" "${rooms[@]/#/--rooms=}" --subset "$copies" --jobs "$jobs"
  fi
  if wanted 3; then
    announce 3 "features of the copies, with the VAD of the clean speech"
    once "$features/${train}_aug/.done" pysid features "$augmented/${train}_aug" "$features/${train}_aug" --allow-skipped --compress \
      --stored-vad "${workers[@]}"
  fi
  if wanted 4; then
    announce 4 "clean speech and copies as one"
    once "$trained/.done" python combine.py "$trained" "$features/$train" "$features/${train}_aug"
  fi
else
  trained=$features/$train
fi

mkdir -p "$dir"
if wanted 5 && [[ $flavour != modern ]]; then
  # Kaldi's get_egs.sh and allocate_egs.py: every speaker `repeats` times in each archive of examples, one archive for
  # every 10^9 / repeats frames; an epoch goes through all archives.
  awk -v min_frames="$min_frames" -v min_utts="$min_utts" -v repeats="$repeats" '
    NR == FNR { speaker[$1] = $2; next }
    $2 > min_frames { n_utts[speaker[$1]]++; n_frames[speaker[$1]] += $2 }
    END {
      for (s in n_utts) if (n_utts[s] >= min_utts) { speakers++; utts += n_utts[s]; frames += n_frames[s] }
      archives = int(frames * repeats / 1e9) + 1
      printf "%d speakers, %d utterances, %.0f frames; %.0f chunks an epoch\n", \
        speakers, utts, frames, repeats * speakers * archives
    }' "$trained/utt2spk" "$trained/utt2num_frames" > "$dir/plan.part"
  mv "$dir/plan.part" "$dir/plan"
  announce 5 "over $min_frames voiced frames, $min_utts utterances or more: $(<"$dir/plan")"
fi

if wanted 8; then
  announce 8 "train $name"
  dev=$features/voxceleb1_test
  if grep -q "^frontend:" "$config"; then dev=$data/voxceleb1_test; fi  # which is not that of the stored features
  settings=(dev="$dev" trainer.device="$device")
  if [[ $augment == on-the-fly ]]; then
    settings+=(train="$data/$train" augment.noises="$data/musan_noise" augment.music="$data/musan_music"
      augment.speech="$data/musan_speech" augment.rooms="$(IFS=,; echo "[${rooms[*]}]")")
    if [[ $rirs == simulated ]]; then settings+=(augment.rooms=simulated); fi
  else
    settings+=(train="$trained")
  fi
  if [[ $flavour != modern ]]; then
    [[ -f $dir/plan ]] || fail "stage 8 needs $dir/plan, which stage 5 makes"
    chunks=$(sed 's/.*; \([0-9]*\) chunks.*/\1/' "$dir/plan")
    settings+=(flavour="$flavour" chunks.min_utterance_frames=$((min_frames + 1)) chunks.min_utterances="$min_utts"
      chunks.chunks_per_epoch="$chunks")
    # As many chunks are corrupted as are copies in Kaldi: 1,000,000 beside 1,276,888 clean utterances.
    if [[ $augment == on-the-fly ]]; then settings+=(augment.probability=0.44); fi
  fi
  read -ra more <<< "$set"
  trainer=(pysid train)
  if ((processes > 1)); then trainer=(torchrun --standalone --nproc-per-node "$processes" -m pysid train); fi
  "${trainer[@]}" "$config" "${settings[@]}" out="$dir" "${more[@]}"
  if [[ -f $large_margin ]]; then
    announce 8 "fine-tune $name with a large margin"
    "${trainer[@]}" "$large_margin" "${settings[@]}" out="$dir/large-margin" start_from="$dir" "${more[@]}"
  fi
fi

if wanted 9; then
  announce 9 "extract x-vectors"
  for set_ in "${sets[@]}"; do
    once "$x/$set_.done" pysid embed "$features/$set_" "$x/$set_.ark" --allow-skipped --model "$model" "${embedders[@]}"
  done
fi

if wanted 10; then
  announce 10 "train the back-end"
  # Cosine needs the mean of the training embeddings, which the PLDA back-end has too: one serves both.
  once "$model/backend.done" pysid fit-backend "$model" "scp:$x/$train.scp" "$data/$train/utt2spk" --lda-dim "$lda_dim"
  if ((as_norm)); then
    once "$x/cohort.done" pysid kaldi ivector-mean --print-args=false "ark:$data/$train/spk2utt" "scp:$x/$train.scp" \
      "ark,scp:$x/cohort.ark,$x/cohort.scp"
  fi
fi

score() { # TRIALS XVECTORS RESULT OPTION...
  local kind=plda
  if [[ $backend == nonplda ]]; then kind=cosine; fi
  once "$3.done" pysid score "$1" "scp:$2" "$3.scores" --model "$model" --backend "$kind" "${@:4}"
  once "$3.json.done" pysid eval eer "$1" "$3.scores" --json "$3.json" > /dev/null
}
if wanted 11; then
  announce 11 "score the trials"
  mkdir -p "$dir/scores"
  cat "$x/voxceleb1_test.scp" "$x/$rest.scp" > "$x/voxceleb1.scp"
  for trials in "$data"/voxceleb1{_test,}/trials-*; do
    list=${trials##*/trials-}
    if [[ ! -f $trials || $list == *.* || $lists && " $lists " != *" $list "* ]]; then continue; fi
    score "$trials" "$x/voxceleb1.scp" "$dir/scores/$list.$backend"
    if ((as_norm)); then
      score "$trials" "$x/voxceleb1.scp" "$dir/scores/$list.$backend.as-norm" --cohort "scp:$x/cohort.scp" --top-n "$as_norm"
    fi
  done
  echo "$train_on" > "$dir/trained-on"
fi

if wanted 12; then
  announce 12 "report"
  python report.py "$exp"
fi
