#!/usr/bin/env bash
# The whole pipeline on drawn faces, offline, in minutes: preprocess, train, export, evaluate, predict.
#   bin/demo.sh [OUT]        PYTHON names the interpreter (python3)
set -euo pipefail
if [ $# -gt 0 ]; then out=$(realpath -m -- "$1"); fi
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
step() { printf '\n$ %s\n' "$*"; "$python" "$@"; }

if [ $# -eq 0 ]; then
  out=var/demo
  rm -rf "$out"
elif [ -e "$out" ]; then
  echo "error: $out exists; name a new folder" >&2
  exit 1
fi
step bin/make_sample.py --output-dir "$out/imdb_crop" --records 1500
step bin/preprocess_imdb.py --db-path "$out/imdb_crop/imdb.mat" --photo-dir "$out/imdb_crop" --output-dir "$out" --img-size 64
step bin/train.py --img-dir "$out/crop" --train-csv "$out/train.csv" --val-csv "$out/val.csv" --model-dir "$out/model" \
  --img-size 64 --num-steps 500 --eval-steps 250 --device auto
step bin/evaluate.py --model-dir "$out/model" --csv "$out/val.csv" --img-dir "$out/crop"
step -m tools.check_demo --evaluation "$out/model/evaluation/evaluation.json"
step bin/predict.py --model-dir "$out/model" --image-path "$(find "$out/crop" -name '*.jpg' | sort | head -1)"
printf '\nThe shipped model, trained on real faces (pretrained/MODEL_CARD.md), on a real photo:\n'
step bin/predict.py --image-path examples/astronaut.jpg
