"""The CyberTipline of NCMEC: its document, from the table of its schema to the bytes that are sent."""
