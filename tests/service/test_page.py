from age_gender_estimation.service.page import build_page, find_card


def test_the_card_is_that_of_the_model_folder_or_the_export(tmp_path):
    export = tmp_path / "serving" / "1"
    export.mkdir(parents=True)
    assert "has no card" in find_card(str(export))
    (tmp_path / "MODEL_CARD.md").write_text("# Modèle", encoding="utf-8")
    assert find_card(str(export)) == "# Modèle"
    assert "has no card" in find_card(str(export.parent))
    (export / "MODEL_CARD.md").write_text("# Export")
    assert find_card(str(export)) == "# Export"


def test_uploads_are_deleted():
    page = build_page(predictor=None, card="", examples=[], folder="/tmp")
    assert page.delete_cache == (60, 60) and page.analytics_enabled is False
