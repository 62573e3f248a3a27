"""Reports as text: self-contained HTML pages and Markdown tables."""
