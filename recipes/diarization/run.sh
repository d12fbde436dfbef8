#!/usr/bin/env bash
# Diarization of simulated conversations, and of real meetings where there are some, stage by stage:
#   0 back-end for windows   1 simulate   2 analyse   3 cluster and score   4 meetings   5 report
# Every stage can be run again: it resumes where it was stopped, and does only what is missing.
set -euo pipefail
cd "$(dirname "$0")"
source ../options.sh

usage() {
  cat <<TXT
usage: ./run.sh [options]
  --data DIR               Kaldi data directory of single-speaker recordings to make conversations of
                           (default: \$PYSID_DATA/dev)
  --train DIR              one of other speakers, for the back-end of windows (default: \$PYSID_DATA/train);
                           "none" takes the model's own
  --meetings DIR           data directory with ref.rttm and all.uem (default: \$PYSID_DATA/ami_mini, if it is there)
  --rooms LIST, --noises DIR, --music DIR
                           surroundings of a further kind of conversations, "scene"
  --lda-dim N              dimensions that LDA of windows keeps (default: 100)
  --model DIR              model, or the name of one that ships with pysid (default: xvector)
  --count N                conversations of each kind (default: 400)
  --seed N                 of the conversations (default: 0)
  --stage N, --stop-stage N  first and last stage (default: 0, 5)
  --exp DIR                where all of it goes (default: exp)
  --jobs N                 processes (default: all cores)
  --smoke                  all stages on the synthetic voices of examples/, tiny, in a minute or two
TXT
}

data='' train='' meetings='' rooms='' noises='' music='' lda_dim=100 model=xvector count=400 seed=0 stage=0 stop_stage=5 exp=exp jobs=$(nproc) smoke='' tuning=60
parse_options "data train lda-dim meetings rooms noises music model count seed stage stop-stage exp jobs smoke" "$@"
whole_numbers lda_dim count seed stage stop_stage jobs

# --jobs processes have a thread each: where BLAS adds its own, threads wait for cores, and clustering takes up to ten
# times the processor time.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

if [[ $smoke ]]; then
  data=../../examples/dev train=none meetings=none count=4 tuning=2 exp=$exp/smoke
fi
if [[ ! $data || ! $train ]]; then
  : "${PYSID_DATA:?give --data and --train, or set PYSID_DATA to a folder that has dev/ and train/}"
  data=${data:-$PYSID_DATA/dev} train=${train:-$PYSID_DATA/train}
fi
if [[ ! $meetings ]]; then
  meetings=none
  if [[ -d ${PYSID_DATA:-}/ami_mini ]]; then meetings=$PYSID_DATA/ami_mini; fi
fi

kaldi_vad='{kind: energy, energy_threshold: 5.5, energy_mean_scale: 0.5, proportion_threshold: 0.12, frames_context: 2}'
phone='' kinds=(plain overlap single)
if command -v ffmpeg > /dev/null; then phone=yes kinds+=(phone); fi
mkdir -p "$exp"

if wanted 0; then
  announce 0 "back-end for windows"
  if [[ $train != none && ! -f $exp/model/diarization.safetensors ]]; then
    source=$(python -c 'import sys; from pysid.model.directory import find_model; print(find_model(sys.argv[1]))' "$model")
    mkdir -p "$exp/model"
    cp "$source"/{config.json,model.safetensors,backend.safetensors} "$exp/model"
    for network in activity segmentation; do
      if [[ -f $source/$network.json ]]; then cp "$source/$network".{json,safetensors} "$exp/model"; fi
    done
    python ../several_clips.py "$train" "$exp/data/train" 5 # as for the back-end of utterances
    pysid embed "$exp/data/train" "$exp/windows.ark" --allow-skipped --window 1.5 --shift 1 --model "$exp/model" --jobs "$jobs"
    pysid fit-backend "$exp/model" "scp:$exp/windows.scp" "$exp/data/train/utt2spk" --windows --lda-dim "$lda_dim"
  fi
fi
if [[ $train != none ]]; then model=$exp/model; fi

if wanted 1; then
  announce 1 "simulate conversations"
  # Two folds of other speakers each: what is tuned on one is scored on the other.
  mkdir -p "$exp/data"
  cut -d' ' -f1 "$data/spk2utt" | awk 'NR % 2 == 1' > "$exp/data/speakers-a"
  cut -d' ' -f1 "$data/spk2utt" | awk 'NR % 2 == 0' > "$exp/data/speakers-b"
  small=()
  single=(--min-speakers 1 --max-speakers 1 --min-pieces 5 --max-pieces 20)
  if [[ $smoke ]]; then
    small=(--min-pieces 4 --max-pieces 6 --max-speakers 3) single=(--min-speakers 1 --max-speakers 1 --min-pieces 1 --max-pieces 2)
  fi
  for fold in a b; do
    common=(--allow-skipped --count $(((count + 1) / 2)) --speakers "$exp/data/speakers-$fold" --jobs "$jobs" "${small[@]}")
    pysid prepare conversations "$data" "$exp/data/plain-$fold" "${common[@]}" --seed "$seed"
    pysid prepare conversations "$data" "$exp/data/overlap-$fold" "${common[@]}" --seed $((seed + 1)) \
      --pause 0.5 --overlap 0.3 --gain 3
    surroundings=(${rooms:+--rooms "$rooms"} ${noises:+--noises "$noises"} ${music:+--music "$music"})
    if ((${#surroundings[@]})); then
      pysid prepare conversations "$data" "$exp/data/scene-$fold" "${common[@]}" --seed $((seed + 2)) \
        --config conf/scenes.yaml "${surroundings[@]}"
    fi
    pysid prepare conversations "$data" "$exp/data/single-$fold" "${common[@]}" --seed $((seed + 3)) "${single[@]}"
    if [[ $phone ]]; then python ../phone.py "$exp/data/plain-$fold" "$exp/data/phone-$fold" --jobs "$jobs"; fi
  done
fi

if wanted 2; then
  announce 2 "speech, windows, embeddings"
  for kind in "${kinds[@]}"; do
    for fold in a b; do
      python analyse.py "$exp/data/$kind-$fold" "$exp/analyses/$kind-$fold" --model "$model" --jobs "$jobs"
    done
  done
  for fold in a b; do # as in the published port: Kaldi's VAD, and windows cut from all voiced frames joined together
    python analyse.py "$exp/data/plain-$fold" "$exp/analyses/joined-$fold" --model "$model" --jobs "$jobs" --set \
      joined=true "vad=$kaldi_vad" "speech={window_s: 0, onset: 0.5, offset: 0.5, pad_s: 0, min_silence_s: 0, min_speech_s: 0}"
  done
fi

if wanted 3; then
  announce 3 "cluster and score"
  for kind in plain overlap; do
    python experiment.py "$exp" "$kind" --model "$model" --tuning "$tuning" --jobs "$jobs"
  done
  for kind in single ${phone:+phone}; do
    python experiment.py "$exp" "$kind" --like plain --model "$model" --jobs "$jobs"
  done
  python experiment.py "$exp" joined --data plain --systems "cosine, AHC" "PLDA, AHC" --model "$model" --tuning "$tuning" --jobs "$jobs"
fi

if wanted 4 && [[ $meetings != none ]]; then
  announce 4 "meetings"
  python meetings.py "$meetings" "$exp" --model "$model" --jobs "$jobs"
fi

if wanted 5; then
  announce 5 "report"
  python report.py "$exp" --show "$exp/data/plain-a"
fi
