"""The pages for people: one module for each page, and one for each part that pages share."""
