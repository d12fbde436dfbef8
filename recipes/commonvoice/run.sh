#!/usr/bin/env bash
# Speaker verification on Common Voice, from audio to a table of equal error rates, stage by stage:
#   0 prepare   1 features and VAD   2 train   3 extract   4 back-end   5 score   6 report
# Every stage can be run again: it resumes where it was stopped, and does only what is missing.
set -euo pipefail
cd "$(dirname "$0")"
source ../options.sh

usage() {
  cat <<TXT
usage: ./run.sh [options]
  --flavour stat|attent|asoft    statistics pooling + softmax, 5-head attention + softmax, or
                                 statistics pooling + angular softmax (default: stat)
  --backend plda|nonplda         LDA and PLDA, or cosine (default: plda)
  --name WORD                    name of the experiment, exp/WORD (default: the flavour)
  --stage N, --stop-stage N      first and last stage (default: 0, 6)
  --commonvoice DIR              a language folder of a Common Voice release (validated.tsv, clips/), or:
  --train DIR, --dev DIR         Kaldi data directories; dev has a file trials
                                 (default: \$PYSID_DATA/train and \$PYSID_DATA/dev)
  --config FILE                  training settings (default: conf/xvector.yaml); those that have a frontend, such as
                                 conf/ecapa.yaml and conf/campplus.yaml, train from audio, and have no flavour
  --set "KEY=VALUE ..."          settings over those of the file, e.g. "trainer.n_epochs=3"
  --lda-dim N                    dimensions that LDA keeps (default: 200, as in Kaldi)
  --backend-utts N               the back-end learns from speakers with N clips or more (default: 5)
  --jobs N                       processes of stage 1 (default: all cores)
  --smoke                        all stages on the synthetic voices of examples/, tiny, in about a minute
TXT
}

flavour=stat backend=plda name='' stage=0 stop_stage=6 commonvoice='' train='' dev='' config=''
set="" lda_dim=200 backend_utts=5 jobs=$(nproc) smoke=''
parse_options "flavour backend name stage stop-stage commonvoice train dev config set lda-dim backend-utts jobs smoke" "$@"
one_of --flavour "$flavour" stat attent asoft
one_of --backend "$backend" plda nonplda
one_word --name "$name"
whole_numbers stage stop_stage lda_dim backend_utts jobs

if [[ $smoke ]]; then
  train=../../examples/train dev=../../examples/dev config=${config:-conf/smoke.yaml} lda_dim=5
fi
config=${config:-conf/xvector.yaml}
[[ -f $config ]] || fail "--config: no such file: $config"
from_audio=''
if grep -q "^frontend:" "$config"; then from_audio=yes; fi  # which is not that of the stored features
if [[ $from_audio ]]; then usual=$(basename "$config" .yaml); else usual=${smoke:+smoke-}$flavour; fi
name=${name:-$usual}
exp=exp/$name
data=exp/features${smoke:+-smoke}

scoring() { [[ $backend == plda ]] && echo plda || echo cosine; }

if wanted 0; then
  if [[ $commonvoice ]]; then
    announce 0 "prepare $commonvoice"
    pysid prepare commonvoice "$commonvoice" data
  else
    announce 0 "data directories are given"
  fi
fi
if [[ $commonvoice ]]; then train=data/train dev=data/dev; fi
if [[ ! $train || ! $dev ]]; then
  : "${PYSID_DATA:?give --commonvoice, or --train and --dev, or set PYSID_DATA to a folder that has train/ and dev/}"
  train=${train:-$PYSID_DATA/train} dev=${dev:-$PYSID_DATA/dev}
fi

if wanted 1 && [[ ! $from_audio ]]; then
  announce 1 "features and VAD"
  [[ -f $data/train/utt2num_frames ]] || pysid features "$train" "$data/train" --allow-skipped --jobs "$jobs"
  [[ -f $data/dev/utt2num_frames ]] || pysid features "$dev" "$data/dev" --allow-skipped --jobs "$jobs"
fi

if wanted 2; then
  announce 2 "train $name"
  heard=(train="$data/train" dev="$data/dev" flavour="$flavour")
  if [[ $from_audio ]]; then heard=(train="$train" dev="$dev"); fi
  # shellcheck disable=SC2086 # several settings in one word
  pysid train "$config" "${heard[@]}" out="$exp" $set
fi

# Later stages go through the epochs, so that the table shows how the network came along.
if wanted 3; then
  announce 3 "extract embeddings"
  if [[ $from_audio ]]; then
    tests=$dev learnt=$train  # all of it
  else
    tests=scp:$data/dev/feats.scp learnt=scp:$data/train/backend-$backend_utts.scp
    awk -v n="$backend_utts" 'NR == FNR { speaker[$1] = $2; count[$2]++; next } count[speaker[$1]] >= n' \
      "$data/train/utt2spk" "$data/train/feats.scp" > "$data/train/backend-$backend_utts.scp"
  fi
  for epoch in "$exp"/epoch-???; do
    [[ -f $epoch/dev.scp ]] || pysid embed "$tests" "$epoch/dev.ark" --model "$epoch"
    [[ -f $epoch/train.scp ]] || pysid embed "$learnt" "$epoch/train.ark" --model "$epoch"
  done
fi

if wanted 4; then
  announce 4 "train the back-end"
  # Cosine needs the mean of the training embeddings, which the PLDA back-end has too: one serves both.
  for epoch in "$exp"/epoch-???; do
    pysid fit-backend "$epoch" "scp:$epoch/train.scp" "$train/utt2spk" --lda-dim "$lda_dim"
  done
fi

if wanted 5; then
  announce 5 "score the trials"
  for epoch in "$exp"/epoch-???; do
    pysid score "$dev/trials" "scp:$epoch/dev.scp" "$epoch/scores-$backend" --model "$epoch" --backend "$(scoring)"
    pysid eval eer "$dev/trials" "$epoch/scores-$backend" --json "$epoch/$backend.json" > "$epoch/$backend.txt"
  done
fi

if wanted 6; then
  announce 6 "report"
  python report.py exp --only "$name"
fi
