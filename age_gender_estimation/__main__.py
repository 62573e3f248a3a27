"""`python -m age_gender_estimation` is `age-gender`."""

from age_gender_estimation.cli.main import main

if __name__ == "__main__":  # worker processes import this file
    main()
