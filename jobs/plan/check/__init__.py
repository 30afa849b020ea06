"""An independent look at a night's orders: from published tables alone, sharing no code with what decided them."""
