from age_gender_estimation.web.page import find_card


def test_the_card_is_that_of_the_model_folder_or_the_export(tmp_path):
    export = tmp_path / "serving" / "1"
    export.mkdir(parents=True)
    assert "has no card" in find_card(str(tmp_path), str(export))
    (export / "MODEL_CARD.md").write_text("# Export é", encoding="utf-8")
    assert find_card(str(tmp_path), str(export)) == "# Export é"
    (tmp_path / "MODEL_CARD.md").write_text("# Model")
    assert find_card(str(tmp_path), str(export)) == "# Model"
