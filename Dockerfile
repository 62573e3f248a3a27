# The project on the CPU, with the code in the image or mounted over /opt/app.
#   docker build -t age-gender-estimation -f Dockerfile .
#   docker run --rm -it age-gender-estimation bin/demo.sh
FROM python:3.11-slim-bookworm

WORKDIR /opt/app

# With --user, the caller has no home in the image: HOME and the caches are folders that anybody may write.
ENV PYTHONPATH=/opt/app \
    PYTHONUNBUFFERED=1 \
    TF_ENABLE_ONEDNN_OPTS=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib

# Before the code, so that a change of the code does not install everything again.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY pyproject.toml LICENSE README.md ./
COPY bin bin
COPY tools/check_demo.py tools/
COPY examples examples
COPY pretrained pretrained
COPY age_gender_estimation age_gender_estimation
RUN pip install --no-cache-dir --no-deps --editable . && mkdir -m 1777 var data

CMD ["python3", "bin/predict.py", "--help"]
