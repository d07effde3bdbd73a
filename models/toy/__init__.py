"""What a loss does, on handwritten digits with a 2-d embedding: data, training, figures, pictures.

Run by `python -m models.digits`.
"""
